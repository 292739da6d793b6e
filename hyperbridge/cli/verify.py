"""The verb ``verify``: are two programs the same search?"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from hyperbridge.cli.verbs import add_verb

_DESCRIPTION = """\
Run two programs up to their searches, and compare what they search: the parameters with
their ranges, steps, scales and options, when each is asked for, the points that the
objective gets, the number of trials, time limits, direction, sampler, seeds and points to
begin with. OLD uses hyperopt; NEW uses Optuna or Ray Tune, however it was migrated. Both
run in the current directory, each in a process of its own; an objective is left as soon
as the point that it builds was seen.
"""
_EXAMPLES = """\
example:
  hyperbridge verify train.py train_optuna.py
  hyperbridge verify train.py train_optuna.py --accept x:distribution --accept budget

A difference that is meant is accepted with --accept, or by a comment in NEW:
  # verify: accept x:distribution

exit code: 0 the same, 1 a difference or a program that shows no search, 2 bad usage
"""
_COMMENT = re.compile(r"#\s*verify:\s*accept\s+(.+)")


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    summary = "compare the searches of two programs"
    parser = add_verb(verbs, "verify", run, summary, _DESCRIPTION, _EXAMPLES)
    parser.add_argument("old", metavar="OLD", type=Path, help="the program that uses hyperopt")
    parser.add_argument("new", metavar="NEW", type=Path, help="the program to compare with it")
    parser.add_argument(
        "--accept", metavar="[LABEL:]KIND", action="append", default=[],
        help="a difference that is meant, such as x:distribution or budget; may be repeated",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument(
        "--draws", type=int, default=500, metavar="N", help="points of each search (default: 500)"
    )
    parser.add_argument(
        "--timeout", type=float, default=600.0, metavar="S",
        help="seconds for each program (default: 600)",
    )  # fmt: skip
    parser.add_argument(
        "--trial-timeout", type=float, default=60.0, metavar="S",
        help="seconds for one call of an objective (default: 60)",
    )  # fmt: skip
    parser.add_argument(
        "--args",
        default="",
        metavar="TEXT",
        help="arguments of both programs, as a shell splits them",
    )


def run(args: argparse.Namespace) -> int:
    """Compare the programs and print the findings.

    Args:
        args: The verb's options.

    Returns:
        0 when the searches are the same, 1 when not, or when a program shows none.
    """
    import shlex

    from hyperbridge.verify.collect import ProgramFailedError, Settings, collect
    from hyperbridge.verify.compare import compare
    from hyperbridge.verify.report import as_data, as_text

    for path in (args.old, args.new):
        if not path.is_file():
            args.parser.error(f"there is no file {str(path)!r}")
    if args.draws < 1:
        args.parser.error(f"--draws must be at least 1, got {args.draws}")
    settings = Settings(shlex.split(args.args), args.draws, args.timeout, args.trial_timeout)
    try:
        with tempfile.TemporaryDirectory() as folder:
            old = collect(args.old, settings, Path(folder), is_original=True)
            new = collect(args.new, settings, Path(folder), is_original=False)
    except ProgramFailedError as exc:
        print(f"hyperbridge: {exc}", file=sys.stderr)
        return 1
    findings = compare(old, new)
    wanted = [*args.accept, *declared(args.new)]
    accepted = [
        each
        for each in findings
        if each.is_difference and {each.kind, f"{each.label}:{each.kind}"} & set(wanted)
    ]
    if args.json:
        print(json.dumps(as_data(old, new, findings, accepted), indent=2))
    else:
        print(as_text(old, new, findings, accepted))
    return int(any(each.is_difference and each not in accepted for each in findings))


def declared(path: Path) -> list[str]:
    """Return the differences that the comments of a program accept."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return [word for line in _COMMENT.findall(text) for word in re.split(r"[\s,]+", line.strip())]
