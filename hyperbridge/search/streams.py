"""Where a random generator stands, as plain data: a later process can draw on from there."""

from __future__ import annotations

from typing import Any

import numpy as np


def stream_state(rstate: Any) -> dict[str, Any] | None:
    """Return where a generator stands; None for one that cannot say.

    Args:
        rstate: A ``numpy.random.Generator`` or ``RandomState``.

    Examples:
        >>> stream_state(np.random.default_rng(0))["bit_generator"]
        'PCG64'
    """
    if isinstance(rstate, np.random.Generator):
        return dict(rstate.bit_generator.state)
    if isinstance(rstate, np.random.RandomState):
        return dict(rstate.get_state(legacy=False))
    return None


def is_same_stream(one: Any, other: Any) -> bool:
    """Tell whether two generators stood at the same place, from their `stream_state`."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            is_same_stream(value, other[key]) for key, value in one.items()
        )
    return bool(np.array_equal(one, other))


def draw_on(rstate: Any, state: dict[str, Any] | None) -> bool:
    """Let a generator draw on from where another one stood.

    Args:
        rstate: It stands there afterwards.
        state: From `stream_state`.

    Returns:
        Whether that is possible: not for a generator of another kind.

    Examples:
        >>> one, other = np.random.default_rng(0), np.random.default_rng(1)
        >>> draw_on(other, stream_state(one)), one.integers(9) == other.integers(9)
        (True, np.True_)
    """
    try:
        if state is None:
            return False
        if isinstance(rstate, np.random.Generator):
            rstate.bit_generator.state = state
        elif isinstance(rstate, np.random.RandomState):
            rstate.set_state(state)
        else:
            return False
    except (TypeError, ValueError, KeyError):
        return False
    return True
