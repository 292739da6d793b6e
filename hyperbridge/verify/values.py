"""Values of two programs made comparable: as plain data, and equal up to rounding."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_TOLERANCE = 1e-9


def plain(value: Any) -> Any:
    """Return a value as plain data that means the same in another process.

    Numbers stay numbers (NumPy's become Python's), lists and tuples become lists, dicts keep
    their keys as text; a function or class becomes its name, anything else its ``repr`` without
    addresses.

    Examples:
        >>> plain((1, {"a": None}))
        [1, {'a': None}]
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else f"<{value}>"
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return {"<set>": sorted(map(str, map(plain, value)))}
    name = getattr(value, "__qualname__", None)
    if name is not None:
        return f"<{str(name).rpartition('.')[2]}>"
    return f"<{type(value).__name__}: {_ADDRESS.sub('', repr(value))}>"


def difference(old: Any, new: Any, place: str = "") -> str | None:
    """Say where two plain values differ; None when they are equal up to rounding.

    True and 1 are equal, as they are to Python; a list and a tuple too, because they are plain.

    Args:
        old: The original's value.
        new: The other one's.
        place: Where they stand, for the text.

    Examples:
        >>> difference({"a": 1.0}, {"a": 2})
        'a is 2, it was 1.0'
    """
    if isinstance(old, dict) and isinstance(new, dict):
        if set(old) != set(new):
            missing, more = sorted(set(old) - set(new)), sorted(set(new) - set(old))
            texts = [f"{key} is missing" for key in missing] + [f"{key} is new" for key in more]
            return ", ".join(f"{place}/{text}".lstrip("/") for text in texts)
        pairs = [(key, old[key], new[key]) for key in old]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(str(i), a, b) for i, (a, b) in enumerate(zip(old, new, strict=True))]
    else:
        return None if same(old, new) else f"{place or 'the point'} is {new!r}, it was {old!r}"
    for key, a, b in pairs:
        found = difference(a, b, f"{place}/{key}".lstrip("/"))
        if found is not None:
            return found
    return None


def same(old: Any, new: Any) -> bool:
    """Tell whether two plain values are equal, numbers up to rounding."""
    if isinstance(old, int | float) and isinstance(new, int | float):
        return math.isclose(old, new, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return bool(old == new)


def is_number(value: Any) -> bool:
    """Tell whether a plain value is a number; True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)
