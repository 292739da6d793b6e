"""Tell what of a result an engine's own tables can show.

It runs on workers, so it is shipped by value like everything in this folder.
"""

from __future__ import annotations

import numbers
from typing import Any


def plain_metrics(result: Any, reserved: frozenset[str]) -> dict[str, Any]:
    """Return the numbers, flags and texts of a result whose keys nobody else uses.

    Args:
        result: A mapping; of anything else nothing can be shown.
        reserved: Keys with a meaning of their own; those that begin with ``__`` have one too.

    Examples:
        >>> plain_metrics({"loss": 0.5, "done": True, "model": object()}, frozenset({"done"}))
        {'loss': 0.5}
    """
    if not hasattr(result, "keys"):
        return {}
    return {
        key: value
        for key, value in dict(result).items()
        if isinstance(key, str)
        and key not in reserved
        and not key.startswith("__")
        and _is_plain(value)
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, str | bool):
        return True
    try:
        return isinstance(value, numbers.Real) and isinstance(float(value), float)
    except Exception:  # noqa: BLE001 - too large, or a number of the user's own kind
        return False
