"""The verb ``convert``: one kind of history into another."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import replace
from typing import Any

from hyperbridge.cli.sources import add_source_verb, options_of, quiet

_DESCRIPTION = """\
Turn the history of a search into another kind. The trials keep their values, losses,
states, times, reports and results, as far as the target can hold them; a line on stderr
names each thing that was left out or had to be assumed.
"""
_EXAMPLES = """\
examples:
  hyperbridge convert trials.pkl sqlite:///study.db --allow-pickle --space train.py:space
  hyperbridge convert sqlite:///study.db trials.pkl --study churn
  hyperbridge convert run.journal trials.csv

Without --space a target that needs one gets the space that the values show: ranges from
the lowest to the highest value, and choices by what they decide. Loading a pickle runs
whatever code is in it: --allow-pickle says that you trust the file.

exit code: 0 done, perhaps with lines on stderr; 1 nothing was written; 2 bad usage
"""


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    summary = "turn the history of a search into another kind"
    parser = add_source_verb(
        verbs, "convert", run, summary, _DESCRIPTION, _EXAMPLES, title="sources and targets"
    )
    parser.add_argument("target", metavar="TARGET", help="what to write")
    parser.add_argument(
        "--append", action="store_true", help="add to a study that has trials already"
    )
    parser.add_argument("--force", action="store_true", help="replace a file that exists")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(args: argparse.Namespace) -> int:
    """Convert, and say what was done.

    Args:
        args: The verb's options.

    Returns:
        0, or 1 when nothing was written.
    """
    from hyperbridge.errors import HyperbridgeError
    from hyperbridge.history.convert import convert
    from hyperbridge.search.optuna.storages import without_password

    try:
        with quiet():
            options = replace(options_of(args), append=args.append, force=args.force)
            history = convert(args.source, args.target, options)
    except (HyperbridgeError, OSError) as exc:
        print(f"hyperbridge: {exc}", file=sys.stderr)
        return 1
    for remark in history.remarks:
        print(f"note: {remark}", file=sys.stderr)
    best = history.best_loss()
    if args.json:
        report = {
            "source": without_password(args.source),
            "target": without_password(args.target),
            "trials": history.by_state(),
            "best_loss": best if best is None or math.isfinite(best) else str(best),
            "remarks": history.remarks,
        }
        print(json.dumps(report, indent=2))
        return 0
    states = ", ".join(f"{n} {state}" for state, n in history.by_state().items())
    loss = "no loss" if best is None else f"best loss {best:.10g}"
    source, target = without_password(args.source), without_password(args.target)
    print(f"{len(history.documents)} trials of {source}: {states}; {loss}; written to {target}")
    return 0
