"""How often a trial is tried again that was lost with its process: an option of backends."""

from __future__ import annotations

import operator
from typing import Any

from hyperbridge.errors import InvalidArgumentError


def check_retries(retries: Any) -> int:
    """Return ``retries``, a whole number of at least 0.

    Raises:
        InvalidArgumentError: It is anything else.

    Examples:
        >>> check_retries(0)
        0
    """
    try:
        count = None if isinstance(retries, bool) else operator.index(retries)
    except TypeError:
        count = None
    if count is None or count < 0:
        raise InvalidArgumentError(f"retries must be a whole number of at least 0, got {retries!r}")
    return count
