"""The options that scan and migrate share: which remarks are shown, and in what form."""

from __future__ import annotations

import argparse
import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyperbridge.migrate.formats import Message
    from hyperbridge.migrate.selection import Selection

_DEEPEST = 5_000
_FEW_COLLECTIONS = 50_000
FORMATS = ("text", "json", "github", "sarif")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add them to a verb."""
    group = parser.add_argument_group("remarks")
    group.add_argument(
        "--select",
        metavar="CODES",
        action="append",
        default=[],
        help="show only remarks whose code begins so: --select HB2,HB101",
    )
    group.add_argument(
        "--ignore",
        metavar="CODES",
        action="append",
        default=[],
        help="show no remarks whose code begins so; the longer beginning decides",
    )
    group.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="text (default), json, github (workflow commands) or sarif (SARIF 2.1.0)",
    )


def write_messages(kind: str, messages: list[Message], *, is_complete: bool) -> None:
    """Print remarks for GitHub or as SARIF.

    Args:
        kind: Which of the two.
        messages: The remarks.
        is_complete: Whether all files could be read.
    """
    import hyperbridge
    from hyperbridge.migrate.formats import as_github, as_sarif

    if kind == "github":
        sys.stdout.write(as_github(messages))
        return
    version = hyperbridge.__version__
    sys.stdout.write(as_sarif(messages, version=version, is_complete=is_complete))


def prepare_to_read() -> None:
    """Make this process ready for a lot of code.

    Code may be nested deeply, such as a sum of a thousand texts. Of its syntax trees next to
    nothing is garbage, which Python would look for again and again while they grow.
    """
    gc.set_threshold(_FEW_COLLECTIONS)
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _DEEPEST))


def selection_of(args: argparse.Namespace) -> Selection:
    """Return which remarks are wanted; a code that none has is bad usage."""
    from hyperbridge.migrate.selection import Selection, parse

    try:
        select, ignore = parse(args.select), parse(args.ignore)
    except ValueError as exc:
        args.parser.error(str(exc))
    return Selection(select, ignore)
