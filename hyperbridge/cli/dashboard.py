"""The verb ``dashboard``: optuna-dashboard on the history of a search."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from hyperbridge.cli.sources import add_source_verb, options_of, quiet

_DESCRIPTION = """\
Open optuna-dashboard on the history of a search, on the loopback address alone. A study in
a database or journal of Optuna's is opened as it is, so that one sees it grow, and what is
changed there is changed in it. Of any other history a copy is shown. Ctrl-C ends it.
"""
_EXAMPLES = """\
examples:
  hyperbridge dashboard sqlite:///study.db
  hyperbridge dashboard trials.pkl --allow-pickle --space train.py:space --port 8001

exit code: 0 ended by Ctrl-C; 1 nothing could be shown; 2 bad usage
"""


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    summary = "open optuna-dashboard on a search"
    parser = add_source_verb(verbs, "dashboard", run, summary, _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "--port", metavar="N", type=int,
        help="the port; 0 for any that is free (8080, or any that is free)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Show the dashboard until Ctrl-C.

    Args:
        args: The verb's options.

    Returns:
        0, or 1 when nothing could be shown.
    """
    from hyperbridge.errors import HyperbridgeError
    from hyperbridge.pages.optuna_dashboard import DASHBOARD, Server, storage_of

    if args.port is not None and not 0 <= args.port < 65536:
        args.parser.error(f"--port must be between 0 and 65535, not {args.port}")
    try:
        DASHBOARD.require("hyperbridge dashboard")
        with quiet():
            shown = storage_of(args.source, options_of(args))
        server = Server(shown.storage, args.port)
    except (HyperbridgeError, OSError) as exc:
        print(f"hyperbridge: {exc}", file=sys.stderr)
        return 1
    for remark in shown.remarks:
        print(f"note: {remark}", file=sys.stderr)
    if shown.is_copy:
        print("note: this is a copy; what is changed in it is not kept", file=sys.stderr)
    print(f"Dashboard: {server.url} (Ctrl-C ends it)", flush=True)
    try:
        server.serve()
    finally:
        server.close()
    return 0
