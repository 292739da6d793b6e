"""What the parsers of the verbs have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any


def add_verb(
    verbs: argparse._SubParsersAction[Any],
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    description: str,
    examples: str,
) -> argparse.ArgumentParser:
    """Add a verb to the command line, and return its parser for the options.

    Args:
        verbs: The verbs.
        name: What it is called.
        run: Does it; returns the exit code.
        summary: A line in the list of verbs.
        description: What ``--help`` begins with.
        examples: What it ends with.
    """
    parser: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=summary,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(parser=parser, run=run)
    return parser
