"""Show a scan's report as text, JSON, or SARIF 2.1.0 for code-scanning services."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any
from urllib.parse import quote

from hyperbridge.migrate.scan import KINDS, WAYS, Finding, Report

_TITLES = {
    "import": "imports",
    "space": "search spaces",
    "fmin": "calls of fmin",
    "SparkTrials": "SparkTrials",
    "algo": "algorithms",
    "Trials": "Trials",
    "MLflow": "MLflow around it",
    "other": "other",
}

_SINGULARS = {
    "import": "import",
    "space": "search space",
    "fmin": "call of fmin",
    "algo": "algorithm",
}


def as_text(report: Report) -> str:
    """Return the report for people, by file and kind, with a summary at its end."""
    lines: list[str] = []
    for path, group in groupby(report.findings, key=lambda finding: str(finding.path)):
        findings = list(group)
        lines.append(path)
        for kind in KINDS:
            of_kind = [finding for finding in findings if finding.kind == kind]
            if of_kind:
                lines.append(f"  {_TITLES[kind]}")
            for finding in of_kind:
                lines += _lines(finding)
        lines.append("")
    lines += [f"not read: {message}" for message in report.unread]
    lines += [""] if report.unread else []
    lines += _summary(report)
    return "\n".join(lines) + "\n"


def _lines(finding: Finding) -> list[str]:
    left = [way for way in WAYS if not finding.handled[way]]
    state = "run, ray, optuna, migrate: yes" if not left else f"by hand for: {', '.join(left)}"
    name = finding.name or "hyperopt"  # a line of text that speaks of it
    name = name if len(name) <= 34 else f"{name[:31]}..."
    first = f"    {finding.place:>5}  {name:<34}  {state}"
    return [first, *(f"           -> {text}" for text in finding.advice)]


def _summary(report: Report) -> list[str]:
    files = {finding.path for finding in report.findings}
    if not report.findings:
        read = report.files - len(report.unread)
        if report.files and not read:
            return ["No file could be read."]
        which = " that could be read" if report.unread else ""
        return [f"hyperopt is not used in {_files(read)}{which}."]
    found = {kind: sum(f.kind == kind for f in report.findings) for kind in KINDS}
    counts = [
        f"{count} {_SINGULARS.get(kind, _TITLES[kind]) if count == 1 else _TITLES[kind]}"
        for kind, count in found.items()
        if count
    ]
    by_hand = sum(len(finding.advice) for finding in report.findings)
    lines = [
        f"{len(files)} of {_files(report.files)} {'uses' if len(files) == 1 else 'use'} hyperopt:"
        f" {', '.join(counts)}.",
        f"run as is:         {_share(report, 'run')}",
        f"--backend ray:     {_share(report, 'ray')}",
        f"--backend optuna:  {_share(report, 'optuna')}",
        f"migrate:           {report.migrated} of {report.searches} searches are rewritten;"
        f" {by_hand} {'remark' if by_hand == 1 else 'remarks'} for a person",
    ]
    if report.unread:
        lines.append(f"not read:          {_files(len(report.unread))}")
    return lines


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _share(report: Report, way: str) -> str:
    ready, total = sum(f.handled[way] for f in report.findings), len(report.findings)
    return f"{'all' if ready == total else f'{ready} of'} {total} uses need no change"


def as_json(report: Report) -> str:
    """Return the report as one JSON object."""
    return json.dumps(
        {
            "files": report.files,
            "searches": report.searches,
            "migrated": report.migrated,
            "unread": report.unread,
            "findings": [
                {
                    "path": str(finding.path),
                    "line": finding.line,
                    "place": finding.place,
                    "column": finding.column,
                    "kind": finding.kind,
                    "name": finding.name,
                    "handled": finding.handled,
                    "advice": list(finding.advice),
                }
                for finding in report.findings
            ],
        },
        indent=2,
    )


def as_sarif(report: Report, *, version: str) -> str:
    """Return the report in SARIF; what needs a person is a warning, the rest a note."""
    rules = [
        {
            "id": f"hyperopt-{kind.lower()}",
            "shortDescription": {"text": f"use of hyperopt: {_TITLES[kind]}"},
        }
        for kind in KINDS
    ]
    return json.dumps(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {"driver": {"name": "hyperbridge", "version": version, "rules": rules}},
                    "results": [_result(finding) for finding in report.findings],
                    "invocations": [
                        {
                            "executionSuccessful": not report.unread,
                            "toolExecutionNotifications": [
                                {"level": "error", "message": {"text": message}}
                                for message in report.unread
                            ],
                        }
                    ],
                }
            ],
        },
        indent=2,
    )


def _outcome(finding: Finding) -> str:
    left = [way for way in WAYS if not finding.handled[way]]
    return f"by hand for {', '.join(left)}" if left else "handled by every way off hyperopt"


def _result(finding: Finding) -> dict[str, Any]:
    text = "; ".join(finding.advice) or _outcome(finding)
    if finding.place != str(finding.line):  # a notebook, whose lines are those of its cells
        text = f"{text} ({finding.place})"
    return {
        "ruleId": f"hyperopt-{finding.kind.lower()}",
        "level": "note" if all(finding.handled.values()) else "warning",
        "message": {"text": f"{finding.name or 'hyperopt'}: {text}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(finding.path.as_posix())},
                    "region": {"startLine": finding.line, "startColumn": finding.column},
                }
            }
        ],
    }
