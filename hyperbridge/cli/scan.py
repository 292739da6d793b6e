"""The verb ``scan``: where hyperopt is used, and what each way off it does with that."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from hyperbridge.cli.remark_options import (
    add_options,
    prepare_to_read,
    selection_of,
    write_messages,
)
from hyperbridge.cli.verbs import add_verb

_DESCRIPTION = """\
List every use of hyperopt in Python files, Databricks notebooks and Jupyter notebooks,
and say for each whether running as is, another backend and 'hyperbridge migrate' to each
engine handle it. The code is read, never run. A line with the comment
'# hyperbridge: skip' is left out. Exit code 1 when something was found or not readable.
"""
_EXAMPLES = """\
examples:
  hyperbridge scan src/ notebooks/
  hyperbridge scan --select HB2 src/          # only what migrate leaves or changes
  hyperbridge scan --format sarif . > hyperopt.sarif
  hyperbridge explain HB204                   # what a remark means
"""


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    summary = "list where hyperopt is used, and what to do about it"
    parser = add_verb(verbs, "scan", run, summary, _DESCRIPTION, _EXAMPLES)
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a file or a folder")
    add_options(parser)
    for name in ("json", "sarif"):
        parser.add_argument(
            f"--{name}", action="store_const", const=name, dest="format",
            help=f"short for --format {name}",
        )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Scan and print the report.

    Args:
        args: The verb's options.

    Returns:
        1 when a use or a remark was found that is wanted, or a file could not be read, else 0.
    """
    from hyperbridge.migrate import scan_output
    from hyperbridge.migrate.scan import scan

    selection = selection_of(args)
    prepare_to_read()
    report = scan_output.selected(scan(args.paths), selection)
    if args.format == "json":
        print(scan_output.as_json(report))
    elif args.format == "text":
        sys.stdout.write(scan_output.as_text(report))
    else:
        messages = scan_output.messages(report)
        write_messages(args.format, messages, is_complete=not report.unread)
    return 1 if report.findings or report.unread or report.faults else 0
