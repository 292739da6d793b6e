"""The verb ``report``: a page on what came of a search."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from hyperbridge.cli.sources import add_source_verb, history_of, quiet

_DESCRIPTION = """\
Make a page that shows what came of a search: its best trials, losses over time, which
parameters mattered, what trials reported, when and where they ran, and why some failed.
The page is one HTML file that needs no network. It can be mailed, or kept with a run.
"""
_EXAMPLES = """\
examples:
  hyperbridge report sqlite:///study.db --study churn -o churn.html
  hyperbridge report trials.pkl --allow-pickle --space train.py:space

With --space the options of choices are shown, not their positions. Loading a pickle runs
whatever code is in it: --allow-pickle says that you trust the file. In a program,
fmin(..., report=True) keeps the page with the MLflow run.

exit code: 0 done; 1 no page was written; 2 bad usage
"""


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    summary = "make a page that shows what came of a search"
    parser = add_source_verb(verbs, "report", run, summary, _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="report.html",
        help="the page to write; one that is there is replaced (report.html)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Write the page.

    Args:
        args: The verb's options.

    Returns:
        0, or 1 when no page was written.
    """
    from hyperbridge.errors import HyperbridgeError, InvalidArgumentError
    from hyperbridge.history.targets import replace_file
    from hyperbridge.pages.optuna_figures import require
    from hyperbridge.pages.report import report

    try:
        require()
        if Path(args.output).exists() and not _is_page(args.output):
            raise InvalidArgumentError(
                f"{args.output!r} is no HTML page, and is not replaced. Give another --output."
            )
        with quiet():
            history = history_of(args)
        replace_file(args.output, report(history).encode("utf-8"))
    except (HyperbridgeError, OSError) as exc:
        print(f"hyperbridge: {exc}", file=sys.stderr)
        return 1
    best = history.best_loss()
    loss = "no loss" if best is None else f"best loss {best:.10g}"
    print(f"{len(history.documents)} trials of {history.source}; {loss}; see {args.output}")
    return 0


def _is_page(path: str) -> bool:
    """Tell whether a file is empty or begins as a page does: `-o trials.pkl` is a mistake."""
    try:
        with open(path, "rb") as file:
            first = file.read(200).lstrip().lower()
    except OSError:  # a folder, or not readable: writing will say so
        return True
    return not first or first.startswith((b"<!doctype html", b"<html"))
