"""How the findings of ``hyperbridge doctor`` are shown, and which of them are failures."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from hyperbridge.backends.findings import Finding


def failures(findings: Sequence[Finding], asked: Sequence[str]) -> list[Finding]:
    """Return what the user asked for and cannot work.

    Args:
        findings: Everything found.
        asked: The subjects that the user asked for; probes are always asked for.

    Examples:
        >>> found = [Finding("ray", "missing", "not installed"), Finding("local", "ok", "ready")]
        >>> failures(found, ["local"])
        []
    """
    return [
        finding
        for finding in findings
        if not finding.works
        and (
            finding.subject in asked
            or finding.needed_by in asked
            or finding.subject.startswith("probe ")
        )
    ]


def as_text(findings: Sequence[Finding]) -> str:
    """Return the findings as one screen of text.

    Examples:
        >>> print(as_text([Finding("ray", "missing", "not installed", "pip install ray")]))
        missing  ray           not installed
                               fix: pip install ray
    """
    lines = []
    for finding in findings:
        head = f"{finding.status:<8} {finding.subject:<13} "
        blocks = [finding.detail] + ([] if finding.fix is None else [f"fix: {finding.fix}"])
        for block in blocks:
            for line in textwrap.wrap(block, 76, break_long_words=False) or [""]:
                lines.append(f"{head}{line}")
                head = " " * 23
    return "\n".join(lines)


def as_data(findings: Sequence[Finding], failed: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings as plain data for ``--json``.

    Args:
        findings: Everything found.
        failed: From `failures`.
    """
    return {
        "works": not failed,
        "failed": [finding.subject for finding in failed],
        "findings": [_shown(finding) for finding in findings],
    }


def _shown(finding: Finding) -> dict[str, Any]:
    return {name: value for name, value in asdict(finding).items() if name != "needed_by"}
