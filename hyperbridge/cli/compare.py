"""The verb ``compare``: what a program comes to on several backends, or before and after."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperbridge.cli.verbs import add_verb

if TYPE_CHECKING:
    from hyperbridge.compare.collect import Column
    from hyperbridge.compare.judge import Table

_USAGE = (
    "hyperbridge compare PROGRAM --backends NAME,NAME... [option ...] [-- ARG ...]\n"
    "       hyperbridge compare OLD NEW [option ...] [-- ARG ...]"
)
_DESCRIPTION = """\
Run a program that uses hyperopt on several backends, or a program before and after
'hyperbridge migrate', and show side by side what its searches come to: losses against
trials and time, where the time goes, failures, the best point, documents and MLflow runs.
Each row has a verdict: same, better, worse, different, or not known where so many repeats
cannot show it. The first backend, or OLD, is what the others are held against.

Each run is a process of its own, in the current folder, with an MLflow store of its own.
Seeds are varied from repeat to repeat; the first repeat has the program's own.
"""
_EXAMPLES = """\
examples:
  hyperbridge compare train.py --backends local,spark,ray,optuna --max-evals 30
  hyperbridge compare train.py --backends local,optuna --html compare.html -- --data small.csv
  hyperbridge compare train.py train_optuna.py --fail-on worse
  hyperbridge compare train.py --backends spark,ray --fail-on different --accept ray:search

exit code: 0 done, 1 when --fail-on says so or a program or backend failed, 2 bad usage
"""
_FAILS = {"worse": {"worse"}, "different": {"worse", "different"}}


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    summary = "show what a program comes to on several backends, side by side"
    parser = add_verb(verbs, "compare", run, summary, _DESCRIPTION, _EXAMPLES)
    parser.usage = _USAGE
    parser.add_argument(
        "programs", metavar="PROGRAM", nargs="+", type=Path, help="a script or a notebook"
    )
    parser.add_argument(
        "--backends", metavar="NAMES", help="backends, with commas between them; for one program"
    )
    parser.add_argument(
        "--max-evals", type=int, metavar="N", help="the most trials of a search (default: its own)"
    )
    parser.add_argument(
        "--repeats", type=int, metavar="K",
        help="runs of each (default: the fewest that can show a difference, 5 for two columns)",
    )  # fmt: skip
    parser.add_argument(
        "--parallelism", type=int, metavar="N", help="trials at once (default: as in 'run')"
    )
    parser.add_argument(
        "--tracking", action=argparse.BooleanOptionalAction,
        help="log all searches to MLflow, or none (default: on all backends, where it is "
        "installed; what each program says, for two programs)",
    )  # fmt: skip
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page, too")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    parser.add_argument(
        "--fail-on", choices=sorted(_FAILS, reverse=True),
        help="end with 1 when a row is worse, or is worse or different",
    )  # fmt: skip
    parser.add_argument(
        "--accept", metavar="[NAME:]ROW", action="append", default=[],
        help="a row that may be otherwise, such as start or ray:search; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=float, default=3600.0, metavar="S",
        help="seconds for each run of a program (default: 3600)",
    )  # fmt: skip
    parser.set_defaults(arguments=[])


def split(argv: list[str]) -> tuple[list[str], list[str]]:
    """Split the command line where the program's arguments begin.

    Examples:
        >>> split(["compare", "train.py", "--", "--epochs", "3"])
        (['compare', 'train.py'], ['--epochs', '3'])
    """
    if "--" not in argv:
        return argv, []
    place = argv.index("--")
    return argv[:place], argv[place + 1 :]


def run(args: argparse.Namespace) -> int:
    """Compare and print.

    Args:
        args: The verb's options.

    Returns:
        0, or 1 when something failed or is what ``--fail-on`` says.
    """
    from hyperbridge.compare.collect import Settings, collect
    from hyperbridge.compare.judge import default_repeats, judge
    from hyperbridge.compare.text import as_data, as_text, without_infinities
    from hyperbridge.optional import MLFLOW

    columns = _columns(args)
    tracking = args.tracking
    if tracking is None and args.backends is not None and MLFLOW.is_installed():
        tracking = True
    settings = Settings(
        arguments=args.arguments,
        most=args.max_evals,
        repeats=args.repeats or default_repeats(len(columns)),
        parallelism=args.parallelism,
        tracking=tracking,
        timeout_s=args.timeout,
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        collect(columns, settings, Path(folder), lambda line: print(line, file=sys.stderr))
    tables = judge(columns)
    accepted = set(args.accept)
    if args.html is not None:
        from hyperbridge.compare.html import as_html

        args.html.write_text(as_html(columns, tables, accepted), encoding="utf-8")
    if args.json:
        print(json.dumps(without_infinities(as_data(columns, tables, accepted)), indent=2))
    else:
        print(as_text(columns, tables, accepted))
    return _exit_code(args, columns, tables, accepted)


def _columns(args: argparse.Namespace) -> list[Column]:
    """Return what is to be compared; a mistake in the command line ends the process with 2."""
    from hyperbridge import backends
    from hyperbridge.compare.collect import Column
    from hyperbridge.errors import HyperbridgeError

    for name in ("max_evals", "repeats", "parallelism", "timeout"):
        value = getattr(args, name)
        if value is not None and value <= 0:
            args.parser.error(f"--{name.replace('_', '-')} must be above 0, got {value}")
    if args.html is not None and not args.html.absolute().parent.is_dir():
        args.parser.error(f"there is no folder {str(args.html.absolute().parent)!r} for --html")
    for path in args.programs:
        if not path.is_file():
            args.parser.error(f"there is no file {str(path)!r}")
    if len(args.programs) > 2:
        args.parser.error("give one program and --backends, or two programs")
    if len(args.programs) == 2:
        if args.backends is not None:
            args.parser.error("--backends is for one program; two run as they are")
        return [Column(*pair) for pair in zip(("old", "new"), args.programs, strict=True)]
    names = [name.strip().lower() for name in (args.backends or "").split(",") if name.strip()]
    if len(names) < 2 or len(set(names)) < len(names):
        args.parser.error("give --backends with two or more, such as local,optuna, or two programs")
    for name in names:
        try:
            backends.find(name)
        except HyperbridgeError as exc:
            args.parser.error(str(exc))
    return [Column(name, args.programs[0], name) for name in names]


def _exit_code(
    args: argparse.Namespace, columns: list[Column], tables: list[Table], accepted: set[str]
) -> int:
    from hyperbridge.compare.text import notable

    if any(column.failure for column in columns):
        return 1
    fails = _FAILS.get(args.fail_on, set())
    return int(any(v.word in fails for _, _, v in notable(columns, tables, accepted)))
