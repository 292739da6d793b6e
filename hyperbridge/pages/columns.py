"""What a page shows of each label: its values as people read them, and how a figure draws them."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from hyperbridge.documents import Document, assignment_of
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.history import History
from hyperbridge.history.inference import space_of
from hyperbridge.pages.frame import visible
from hyperbridge.space import Space
from hyperbridge.worker.frames import safe_repr

_LARGEST_EXACT: Final = 2**53
_LONGEST: Final = 80


@dataclass(frozen=True, slots=True)
class Column:
    """A label with its values in all trials.

    Attributes:
        label: The label.
        kind: ``int`` and ``float`` for numbers, ``text`` for anything else.
        is_log: Whether its numbers are drawn on a logarithmic scale.
        values: By the position of the trial: a number, or a text. Trials without one are left out.
    """

    label: str
    kind: str
    is_log: bool
    values: dict[int, Any]


def columns_of(history: History) -> tuple[list[Column], list[str]]:
    """Return the labels of a history, in its order, and a line for each thing assumed.

    The scale of a label, and the options of a choice, are those of the space where it is known;
    else the scale is what the values show.
    """
    space, remarks = _space(history)
    raw: dict[str, dict[int, Any]] = {label: {} for label in history.labels()}
    for position, document in enumerate(history.documents):
        for label, value in values_of(document).items():
            raw[label][position] = value
    texts = history.space
    found = [
        _column(label, values, _is_log(label, space), texts)
        for label, values in raw.items()
        if values
    ]
    return found, remarks


def values_of(document: Document) -> dict[str, Any]:
    """Return the value by label of a trial; a label with several values has all of them."""
    try:
        return assignment_of(document)
    except NotImplementedError:
        return {
            label: values[0] if len(values) == 1 else list(values)
            for label, values in document["misc"]["vals"].items()
            if len(values)
        }


def shown_value(label: str, value: Any, space: Space | None) -> str:
    """Return a value as people read it: the option of a choice, a number without noise."""
    if space is not None:
        option = space.decode({label: value}).get(label)
        if option is not None:
            return option
    if _is_number(value):
        return shown_number(value)
    return value if isinstance(value, str) else safe_repr(value, _LONGEST)


def shown_number(value: Any) -> str:
    """Return a number with as many digits as tell something.

    Examples:
        >>> shown_number(0.1 + 0.2), shown_number(12345678), shown_number(3.0)
        ('0.3', '12345678', '3')
    """
    if isinstance(value, numbers.Integral):
        return str(int(value))
    return f"{float(value):.6g}"


def _space(history: History) -> tuple[Space | None, list[str]]:
    """Return the known space, else the one that the values show, if they show any."""
    if history.space is not None:
        return history.space, []
    copied = replace(history, remarks=[])
    try:
        return space_of(copied), copied.remarks
    except (InvalidArgumentError, NotImplementedError):  # a value that is no number, or several
        return None, []


def _is_log(label: str, space: Space | None) -> bool:
    if space is None or label not in space.parameters:
        return False
    name = type(space.parameters[label].distribution).__name__
    return name in ("LogUniform", "QLogUniform", "LogNormal", "QLogNormal")


def _column(label: str, raw: dict[int, Any], is_log: bool, space: Space | None) -> Column:
    is_choice = space is not None and label in space.choices
    if is_choice or not all(map(_is_number, raw.values())):
        texts = {at: visible(shown_value(label, value, space)) for at, value in raw.items()}
        return Column(label, "text", False, texts)
    is_whole = _all_whole(raw.values())
    kind = int if is_whole else float
    values = {at: kind(value) for at, value in raw.items()}
    least = min(values.values())
    return Column(label, kind.__name__, is_log and least > 0, values)


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return is_real and math.isfinite(value)


def _all_whole(values: Iterable[Any]) -> bool:
    return all(
        isinstance(value, numbers.Integral) and abs(int(value)) < _LARGEST_EXACT for value in values
    )
