"""The verb ``scan``: where hyperopt is used, and what each way off it does with that."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

_DESCRIPTION = """\
List every use of hyperopt in Python files, Databricks notebooks and Jupyter notebooks,
and say for each whether running as is, another backend and 'hyperbridge migrate' handle
it. The code is read, never run. Exit code 1 when something was found or not readable.
"""
_EXAMPLES = """\
examples:
  hyperbridge scan src/ notebooks/
  hyperbridge scan --json train.py
  hyperbridge scan --sarif . > hyperopt.sarif
"""


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "scan",
        help="list where hyperopt is used, and what to do about it",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(parser=parser, run=run)
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a file or a folder")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print one JSON object")
    shape.add_argument("--sarif", action="store_true", help="print SARIF 2.1.0")


def run(args: argparse.Namespace) -> int:
    """Scan and print the report.

    Args:
        args: The verb's options.

    Returns:
        1 when hyperopt was found or a file could not be read, else 0.
    """
    from hyperbridge.migrate import scan_output
    from hyperbridge.migrate.scan import scan

    report = scan(args.paths)
    if args.json:
        print(scan_output.as_json(report))
    elif args.sarif:
        import hyperbridge

        print(scan_output.as_sarif(report, version=hyperbridge.__version__))
    else:
        sys.stdout.write(scan_output.as_text(report))
    return 1 if report.findings or report.unread else 0
