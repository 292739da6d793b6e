"""Show what `compare` found: as text for people, or as data for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from hyperbridge.verify.compare import SIGNIFICANCE, Finding, power
from hyperbridge.verify.evidence import Evidence


def as_text(
    old: Evidence, new: Evidence, findings: Sequence[Finding], accepted: Sequence[Finding]
) -> str:
    """Return the report for people.

    Args:
        old: What the original was seen to do.
        new: What the other program was seen to do.
        findings: What is not the same.
        accepted: Those of them that the user has declared.
    """
    lines = []
    for position, search in enumerate(old.searches):
        other = new.searches[position] if position < len(new.searches) else None
        at = f"search {position + 1}, line {search.line}"
        if other is not None:
            at += f", and {other.engine}'s" + (f" in line {other.line}" if other.line else "")
        lines.append(at)
        here = [each for each in findings if each.search == position]
        lines += [f"  {_line(each, accepted)}" for each in here]
        if other is not None and not any(each.is_difference for each in here):
            lines.append(f"  the same: {len(search.declared)} parameters, {_n(other)}")
    for each in findings:
        if each.search >= len(old.searches):
            lines.append(_line(each, accepted))
    n = sum(each.is_difference and each not in accepted for each in findings)
    sample = max((len(search.draws) for search in new.searches), default=0)
    if sample and old.searches:
        far = power(sample, len(old.searches[0].draws))
        lines.append(
            f"distributions: Kolmogorov-Smirnov at {SIGNIFICANCE:g} on {sample} points; a"
            f" distance of {far:.2f} is found 99 times in 100"
        )
    lines.append("the searches are the same" if n == 0 else f"{n} differences")
    return "\n".join(lines)


def as_data(
    old: Evidence, new: Evidence, findings: Sequence[Finding], accepted: Sequence[Finding]
) -> dict[str, Any]:
    """Return the report for programs; the arguments are those of `as_text`."""
    return {
        "same": not any(each.is_difference and each not in accepted for each in findings),
        "searches": [len(old.searches), len(new.searches)],
        "ended": [old.ended, new.ended],
        "findings": [{**asdict(each), "accepted": each in accepted} for each in findings],
    }


def _line(finding: Finding, accepted: Sequence[Finding]) -> str:
    mark = "note" if not finding.is_difference else "DIFFERENT"
    mark = "accepted" if finding in accepted else mark
    label = "" if finding.label is None else f" {finding.label!r}"
    return f"{mark}: {finding.kind}:{label} {finding.text}"


def _n(search: Any) -> str:
    n = sum(each.compared for each in search.draws)
    return f"{n} of {len(search.draws)} points compared"
