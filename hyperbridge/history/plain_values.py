"""What is plain data of an object, for targets that hold nothing else.

Plain are None, bool, int, float, str, and lists and dicts (with texts as keys) of these. A NumPy
number is one, too: it keeps its value. A tuple, a set and an array become lists, which is noted.
"""

from __future__ import annotations

import math
import numbers
from collections import Counter
from typing import Any, Final

from hyperbridge.history.history import History

LEFT_OUT: Final = object()
"""What stands for an object that is not plain."""

_DEEPEST: Final = 50


class Losses:
    """What targets of plain data could not hold of a history, gathered for its remarks.

    Args:
        target: What messages call the target, for example ``a CSV file``.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._left_out: Counter[tuple[str, str]] = Counter()
        self._lists: Counter[tuple[str, str]] = Counter()

    def plain(self, value: Any, what: str) -> Any:
        """Return plain data, or `LEFT_OUT`; what is lost is noted.

        Args:
            value: Any object.
            what: What a remark calls it, for example ``result['model']``.
        """
        lists: set[str] = set()
        try:
            found = _plain(value, lists, 0)
        except _NotPlainError as exc:
            self.leave_out(what, str(exc))
            return LEFT_OUT
        for name in lists:
            self._lists[what, name] += 1
        return found

    def leave_out(self, what: str, name: str) -> None:
        """Note that something is left out; ``name`` says what it is."""
        self._left_out[what, name] += 1

    def say(self, history: History) -> None:
        """Write the remarks."""
        for (what, name), n in self._left_out.items():
            history.remark(
                f"{what} of {_count(n)} is left out: {self._target} cannot hold a {name}"
            )
        for (what, name), n in self._lists.items():
            history.remark(f"{what} of {_count(n)}: a {name} becomes a list in {self._target}")


class _NotPlainError(Exception):
    """Something is not plain data; the message has its type."""


def _plain(value: Any, lists: set[str], depth: int) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    name = type(value).__name__
    if depth > _DEEPEST:
        raise _NotPlainError(f"{name} so deep in others")
    if isinstance(value, str):
        return str(value)
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return _plain(value.item(), lists, depth + 1)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise _NotPlainError("dict whose keys are not all texts")
        return {str(key): _plain(item, lists, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, lists, depth + 1) for item in value]
    if isinstance(value, (tuple, set, frozenset)):
        lists.add(name)
        return [_plain(item, lists, depth + 1) for item in value]
    if type(value).__module__ == "numpy" and name == "ndarray" and value.dtype.kind in "biufU":
        lists.add("NumPy array")
        return _plain(value.tolist(), lists, depth + 1)
    raise _NotPlainError(name)


def _count(n: int) -> str:
    return "1 trial" if n == 1 else f"{n} trials"


def to_strict_json(value: Any) -> Any:
    """Return plain data as JSON can hold it: NaN and infinities become ``{"$number": "NaN"}``.

    Examples:
        >>> to_strict_json([0.5, float("inf")])
        [0.5, {'$number': 'Infinity'}]
    """
    if isinstance(value, float) and not math.isfinite(value):
        name = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return {"$number": name}
    if isinstance(value, list):
        return [to_strict_json(item) for item in value]
    if isinstance(value, dict):
        found = {key: to_strict_json(item) for key, item in value.items()}
        return {"$dict": found} if any(key.startswith("$") for key in value) else found
    return value


def from_strict_json(value: Any) -> Any:
    """Return the plain data that `to_strict_json` was given.

    Examples:
        >>> from_strict_json([{"$number": "-Infinity"}])
        [-inf]
    """
    if isinstance(value, list):
        return [from_strict_json(item) for item in value]
    if isinstance(value, dict):
        if value.keys() == {"$number"}:
            return float(value["$number"])
        if value.keys() == {"$dict"}:
            value = value["$dict"]
        return {key: from_strict_json(item) for key, item in value.items()}
    return value
