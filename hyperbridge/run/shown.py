"""A point as people read it, in the line of progress and in tables: one short text for a label."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

from hyperbridge.documents import Assignment
from hyperbridge.worker.frames import safe_text

LONGEST_VALUE = 40
"""Characters after which the text of a value is cut."""


def shown_values(assignment: Assignment, chosen: Mapping[str, str]) -> dict[str, str]:
    """Return a short text of each value of an assignment.

    Args:
        assignment: Value by label.
        chosen: Text of the option by label, for choices.

    Examples:
        >>> shown_values({"lr": 0.123456789, "kind": 1, "n": 12.0}, {"kind": "adam"})
        {'lr': '0.123457', 'kind': 'adam', 'n': '12'}
    """
    return {
        label: shortened(chosen[label] if label in chosen else shown_number(value))
        for label, value in assignment.items()
    }


def shown_number(value: Any) -> str:
    """Return a number with six digits; of anything else the text."""
    if issubclass(type(value), numbers.Integral):
        return str(int(value))
    return f"{float(value):.6g}" if issubclass(type(value), numbers.Real) else safe_text(value)


def shortened(text: str, longest: int = LONGEST_VALUE) -> str:
    """Return a text on one line, cut to some characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
