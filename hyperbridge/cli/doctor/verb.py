"""The options of ``hyperbridge doctor``, the order of its checks, and its exit code."""

from __future__ import annotations

import argparse
import json
from typing import Any

from hyperbridge import backends
from hyperbridge.backends.findings import Finding
from hyperbridge.cli.doctor.checks import check_backends, check_core, check_tracking
from hyperbridge.cli.doctor.findings import as_data, as_text, failures
from hyperbridge.cli.verbs import add_verb
from hyperbridge.config import resolve
from hyperbridge.errors import HyperbridgeError

_DESCRIPTION = """\
Say what is installed, and whether each backend and the tracking store can run here.
Each finding comes with its fix. What you ask for, by an option or by a HYPERBRIDGE_
variable, must work: else the exit code is 1.
"""
_EXAMPLES = """\
examples:
  hyperbridge doctor
  hyperbridge doctor --backend spark --probe
      runs one trial on Spark, which also asks for the tracking store
  hyperbridge doctor --json
"""


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    summary = "say what can run here, and what to do about the rest"
    parser = add_verb(verbs, "doctor", run, summary, _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "--backend",
        action="append",
        metavar="NAME",
        help="a backend that must work; may be repeated (default: that of HYPERBRIDGE_BACKEND)",
    )
    parser.add_argument(
        "--tracking",
        action=argparse.BooleanOptionalAction,
        help="the tracking store must work, or is not looked at",
    )
    parser.add_argument(
        "--probe",
        action="store_true",
        help="run one trial on each backend of --backend (default: on each that is installed)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def run(args: argparse.Namespace) -> int:
    """Print the findings.

    Args:
        args: The verb's options.

    Returns:
        1 when something that was asked for cannot work, else 0.

    Raises:
        SystemExit: Code 2, a HYPERBRIDGE_ variable has a value that cannot work.
    """
    parser: argparse.ArgumentParser = args.parser
    try:
        settings = resolve(tracking=args.tracking)
    except HyperbridgeError as exc:
        parser.exit(2, f"{parser.prog}: error: {exc}\n")
    asked: list[str] = args.backend or []
    if not asked and isinstance(settings.backend, str):
        asked = [settings.backend.strip().lower()]
    known = backends.names()
    for name in asked:
        if name not in known:
            text = f"unknown backend {name!r}, choose from {', '.join(known)}"
            parser.exit(2, f"{parser.prog}: error: {text}\n")
    found = _look(settings.tracking)
    if args.probe:
        found += _probe(found, asked, track=settings.tracking is not False)
    if settings.tracking:
        asked = [*asked, "tracking"]
    failed = failures(found, ["python", "hyperopt", *asked])
    if args.json:
        print(json.dumps(as_data(found, failed), indent=2))
    else:
        print(as_text(found))
        if failed:
            print(f"\ncannot work: {', '.join(finding.subject for finding in failed)}")
    return 1 if failed else 0


def _look(tracking: bool | None) -> list[Finding]:
    found = [*check_core(), *check_backends()]
    if tracking is not False:
        found.append(check_tracking())
    return found


def _probe(found: list[Finding], asked: list[str], *, track: bool) -> list[Finding]:
    from hyperbridge.cli.doctor.probe import probe

    works = {finding.subject for finding in found if finding.works}
    names = asked or backends.names()
    uri = None
    if track and "tracking" in works:
        import mlflow

        uri = mlflow.get_tracking_uri()
        if not uri.startswith(("http", "databricks")):
            uri = None  # asking would create the file
    return [probe(name, uri) for name in names if name in works]
