"""Turn what a store has as the values of a trial into raw values of hyperopt's: numbers."""

from __future__ import annotations

import numbers
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyperbridge.space import Space
from hyperbridge.space.nodes import Choice, Constant

_MISSING = object()


@dataclass
class Raw:
    """The raw values of trials.

    Attributes:
        assignments: For each trial the value by label, an index for a choice.
        others: For each trial what is no value of a label.
        options: The options of those labels that were taken for choices.
        remarks: A line for each thing that was assumed.
    """

    assignments: list[dict[str, Any]] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)
    options: dict[str, list[Any]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def raw_values(points: Sequence[Mapping[str, Any]], space: Space | None, *, indices: bool) -> Raw:
    """Return the raw values of trials.

    Args:
        points: What a store has for each trial, by name.
        space: The search space; None to take each name for a label.
        indices: Whether the store has the index of a choice, and a text is no value then;
            otherwise it has the option itself.
    """
    raw = Raw()
    if space is None:
        _read_without_space(points, raw, indices=indices)
    else:
        _read_with_space(points, space, raw, indices=indices)
    return raw


def number_of(text: str) -> Any:
    """Return the number or truth value that a text stands for, or the text.

    Examples:
        >>> number_of("3"), number_of("3.0"), number_of("True"), number_of("adam")
        (3, 3.0, True, 'adam')
    """
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _read_without_space(points: Sequence[Mapping[str, Any]], raw: Raw, *, indices: bool) -> None:
    columns: dict[str, list[Any]] = {}
    for point in points:
        for name, value in point.items():
            seen = columns.setdefault(name, [])
            if not any(_is_same(value, each) for each in seen):
                seen.append(value)
    texts = set()
    for name, seen in columns.items():
        if all(map(_is_number, seen)):
            continue
        if indices and not all(isinstance(value, bool) for value in seen):
            texts.add(name)
            raw.remarks.append(
                f"{name!r} is not always a number, so it is no value of the search; the results "
                "have it"
            )
            continue
        raw.options[name] = sorted(seen) if all(isinstance(v, bool) for v in seen) else seen
        raw.remarks.append(
            f"{name!r} is taken for a choice of {', '.join(map(_shown, raw.options[name]))}"
        )
    for point in points:
        assignment = {}
        for name, value in point.items():
            if name in raw.options:
                assignment[name] = _position(value, raw.options[name])
            elif name not in texts:
                assignment[name] = value
        raw.assignments.append(assignment)
        raw.others.append({name: value for name, value in point.items() if name in texts})


def _read_with_space(
    points: Sequence[Mapping[str, Any]], space: Space, raw: Raw, *, indices: bool
) -> None:
    strange: Counter[str] = Counter()
    unread: dict[str, str] = {}
    for point in points:
        assignment, others = {}, {}
        for name, value in point.items():
            if name not in space.parameters:
                strange[name] += 1
                others[name] = value
                continue
            found = _value_in(space, name, value, indices=indices)
            if found is _MISSING:
                unread.setdefault(name, _shown(value))
                others[name] = value
            else:
                assignment[name] = found
        raw.assignments.append(assignment)
        raw.others.append(others)
    if strange:
        names = ", ".join(map(repr, strange))
        raw.remarks.append(f"the search space has no {names}; the results have it")
    raw.remarks += [
        f"label {name!r}: {text} is no value of it; the results have it"
        for name, text in unread.items()
    ]


def _value_in(space: Space, label: str, value: Any, *, indices: bool) -> Any:
    """Return the raw value of a label of a space, or `_MISSING`."""
    choice = space.choices.get(label)
    if choice is not None:
        return _index_in(choice, value, indices=indices)
    if not _is_number(value):
        return _MISSING
    distribution: Any = space.parameters[label].distribution
    bounds = getattr(distribution, "bounds", None)  # none where arguments are computed
    kind = float if bounds is None else type(bounds()[0])
    if kind is int and value != int(value):
        return _MISSING
    return kind(value)


def _index_in(choice: Choice, value: Any, *, indices: bool) -> Any:
    n = len(choice.options)
    if indices and _is_number(value) and value == int(value) and 0 <= value < n:
        return int(value)
    constants = [o.value if isinstance(o, Constant) else _MISSING for o in choice.options]
    for same in (_is_same, lambda one, other: str(one) == str(other)):
        for position, option in enumerate(constants):
            if option is not _MISSING and same(value, option):
                return position
    return _MISSING


def _is_same(value: Any, other: Any) -> bool:
    try:
        return type(value) is type(other) and bool(value == other)
    except Exception:  # noqa: BLE001 - an object of the user's may do anything
        return value is other


def _position(value: Any, options: Sequence[Any]) -> int:
    return next(n for n, option in enumerate(options) if _is_same(value, option))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
