"""The options of ``hyperbridge doctor``, the order of its checks, and its exit code."""

from __future__ import annotations

import argparse
import json
from typing import Any

from hyperbridge.cli.doctor.checks import (
    check_core,
    check_package,
    check_spark,
    check_tracking,
)
from hyperbridge.cli.doctor.findings import Finding, as_data, as_text, failures
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
_BACKENDS = ("local", "spark", "ray", "optuna")
_PARTS = {"spark": ("spark", "spark python")}


def add_parser(verbs: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "doctor",
        help="say what can run here, and what to do about the rest",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(parser=parser, run=run)
    parser.add_argument(
        "--backend",
        action="append",
        choices=_BACKENDS,
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
    backends: list[str] = args.backend or []
    if not backends and isinstance(settings.backend, str):
        backends = [settings.backend.strip().lower()]
        if backends[0] not in _BACKENDS:
            parser.exit(2, f"{parser.prog}: error: unknown backend {settings.backend!r}\n")
    found = _look(settings.tracking)
    if args.probe:
        found += _probe(found, backends, track=settings.tracking is not False)
    asked = [part for name in backends for part in _PARTS.get(name, (name,))]
    if settings.tracking:
        asked.append("tracking")
    failed = failures(found, ["python", "hyperopt", *asked])
    if args.json:
        print(json.dumps(as_data(found, failed), indent=2))
    else:
        print(as_text(found))
        if failed:
            print(f"\ncannot work: {', '.join(finding.subject for finding in failed)}")
    return 1 if failed else 0


def _look(tracking: bool | None) -> list[Finding]:
    found = [*check_core(), *check_spark()]
    found += [check_package(name, name) for name in ("ray", "optuna")]
    if tracking is not False:
        found.append(check_tracking())
    return found


def _probe(found: list[Finding], backends: list[str], *, track: bool) -> list[Finding]:
    from hyperbridge.cli.doctor.probe import probe

    works = {finding.subject for finding in found if finding.works}
    names = backends or [name for name in _BACKENDS if name in works]
    uri = None
    if track and "tracking" in works:
        import mlflow

        uri = mlflow.get_tracking_uri()
        if not uri.startswith(("http", "databricks")):
            uri = None  # asking would create the file
    return [probe(name, uri) for name in names if name in works]
