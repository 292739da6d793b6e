"""Show a scan's report as text, JSON, workflow commands or SARIF."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import groupby

from hyperbridge.migrate.formats import Level, Message
from hyperbridge.migrate.scan import BACKENDS, KINDS, TARGETS, WAYS, Advice, Finding, Report
from hyperbridge.migrate.selection import Selection

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
_NAME_WIDTH = 34


def selected(report: Report, selection: Selection) -> Report:
    """Return a report with the remarks that are wanted; a use is shown for its remarks, too."""
    findings = []
    for finding in report.findings:
        advice = tuple(a for a in finding.advice if selection.takes(a.code))
        is_named = bool(finding.name) or not finding.advice
        if advice or (is_named and selection.takes(finding.code)):
            findings.append(replace(finding, advice=advice))
    unread = report.unread if selection.takes("HB001") else []
    return replace(report, findings=findings, unread=unread)


def as_text(report: Report) -> str:
    """Return the report for people, by file and kind, with a summary at its end."""
    lines: list[str] = []
    for path, group in groupby(report.findings, key=lambda finding: str(finding.path)):
        findings = list(group)
        lines += [path, *_head()]
        for kind in KINDS:
            of_kind = [finding for finding in findings if finding.kind == kind]
            if of_kind:
                lines.append(f"  {_TITLES[kind]}")
            for finding in of_kind:
                lines += _lines(finding)
        lines.append("")
    lines += [f"not read: HB001 {message}" for _, message in report.unread]
    lines += [""] if report.unread else []
    lines += _summary(report)
    return "\n".join(lines) + "\n"


_COLUMNS = [("run", "run"), *((f"--backend {b}", b) for b in BACKENDS)]
_COLUMNS += [(f"--to {target}", target) for target in TARGETS]


def _head() -> list[str]:
    gap = " " * (11 + _NAME_WIDTH)
    names = [name for _, name in _COLUMNS]
    widths = [max(3, len(name)) for name in names]
    above = " " * (widths[0] + 2) + "--backend"
    above = above.ljust(sum(w + 2 for w in widths[: 1 + len(BACKENDS)])) + "migrate --to"
    below = "".join(name.ljust(width + 2) for name, width in zip(names, widths, strict=True))
    return [f"{gap}  {above}", f"{gap}  {below}".rstrip()]


def _lines(finding: Finding) -> list[str]:
    name = finding.name or "hyperopt"  # a line of text that speaks of it
    name = name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 3]}..."
    cells = [
        ("yes" if finding.handled[way] else "no").ljust(max(3, len(column)) + 2)
        for way, column in _COLUMNS
    ]
    row = f"    {finding.place:>5}  {name:<{_NAME_WIDTH}}  {''.join(cells)}".rstrip()
    return [row, *(f"           -> {_said(advice)}" for advice in finding.advice)]


def _said(advice: Advice) -> str:
    ways = ", ".join(advice.ways)
    is_told = advice.code == "HB111" or set(advice.ways) >= set(WAYS[1:])
    return f"{advice.code} {'' if is_told else f'{ways}: '}{advice.text}"


def _summary(report: Report) -> list[str]:
    files = {finding.path for finding in report.findings}
    skipped = f"{report.skipped} {'line is' if report.skipped == 1 else 'lines are'} skipped."
    more = [skipped] if report.skipped else []
    if not report.findings:
        read = report.files - len(report.unread)
        if report.files and not read:
            return ["No file could be read."]
        which = " that could be read" if report.unread else ""
        return [f"hyperopt is not used in {_files(read)}{which}.", *more]
    found = {kind: sum(f.kind == kind for f in report.findings) for kind in KINDS}
    counts = [
        f"{count} {_SINGULARS.get(kind, _TITLES[kind]) if count == 1 else _TITLES[kind]}"
        for kind, count in found.items()
        if count
    ]
    lines = [
        f"{len(files)} of {_files(report.files)} {'uses' if len(files) == 1 else 'use'} hyperopt:"
        f" {', '.join(counts)}.",
        *more,
    ]
    rows = [("run as is", _share(report, "run"))]
    rows += [(way, _share(report, way)) for way in WAYS[1 : 1 + len(BACKENDS)]]
    rows += [(f"migrate --to {target}", _rewritten(report, target)) for target in TARGETS]
    if report.unread:
        rows.append(("not read", _files(len(report.unread))))
    if report.faults:
        rows.append(("internal", f"please report {_files(len(report.faults))}"))
    width = max(len(name) for name, _ in rows) + 3
    return [*lines, *(f"{name + ':':<{width}}{text}" for name, text in rows)]


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _share(report: Report, way: str) -> str:
    ready, total = sum(f.handled[way] for f in report.findings), len(report.findings)
    return f"{'all' if ready == total else f'{ready} of'} {total} uses need no change"


def _rewritten(report: Report, target: str) -> str:
    way = f"--to {target}"
    by_hand = sum(a.needs_person and way in a.ways for f in report.findings for a in f.advice)
    return (
        f"{report.rewritten[target]} of {report.searches} searches are rewritten,"
        f" {report.exact[target]} of them exactly;"
        f" {by_hand} {'remark' if by_hand == 1 else 'remarks'} for a person"
    )


def as_json(report: Report) -> str:
    """Return the report as one JSON object."""
    return json.dumps(
        {
            "files": report.files,
            "searches": report.searches,
            "rewritten": report.rewritten,
            "exact": report.exact,
            "skipped": report.skipped,
            "unread": [text for _, text in report.unread],
            "internal": sorted(str(path) for path in report.faults),
            "findings": [
                {
                    "path": str(finding.path),
                    "line": finding.line,
                    "place": finding.place,
                    "column": finding.column,
                    "code": finding.code,
                    "kind": finding.kind,
                    "name": finding.name,
                    "handled": finding.handled,
                    "remarks": [
                        {
                            "code": advice.code,
                            "text": advice.text,
                            "ways": list(advice.ways),
                            "needs_person": advice.needs_person,
                        }
                        for advice in finding.advice
                    ],
                }
                for finding in report.findings
            ],
        },
        indent=2,
    )


def messages(report: Report) -> list[Message]:
    """Return the uses and the remarks one by one, for GitHub and SARIF."""
    found: list[Message] = []
    for f in report.findings:
        if f.name:
            left = [way for way in WAYS if not f.handled[way]]
            state = f"by hand for {', '.join(left)}" if left else "every way off handles it"
            found.append(_message(f, f.code, f"{f.name}: {state}", is_warning=bool(left)))
        for a in f.advice:
            ways = ", ".join(a.ways)
            found.append(_message(f, a.code, f"{ways}: {a.text}", is_warning=a.needs_person))
    found += [Message(path, "HB001", "error", text) for path, text in report.unread]
    return found


def _message(finding: Finding, code: str, text: str, *, is_warning: bool) -> Message:
    level: Level = "error" if code == "HB299" else "warning" if is_warning else "note"
    f = finding
    return Message(f.path, code, level, text, f.line, f.column, f.place)
