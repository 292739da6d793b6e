"""Seeds that a program writes down, made others for each repeat."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable
from typing import Any

import numpy as np

_NAMES = ("seed", "random_state", "random_state_seed")


def shift_seeds(kinds: Iterable[type], repeat: int) -> None:
    """Have classes of an engine take another seed than the one they are given.

    Args:
        kinds: Samplers or searchers.
        repeat: Which repeat this is; the first, 0, keeps the seeds.
    """
    if repeat == 0:
        return
    for kind in kinds:
        init: Any = vars(kind).get("__init__")
        if init is None:
            continue
        signature = inspect.signature(init)
        names = [name for name in _NAMES if name in signature.parameters]
        if names:
            kind.__init__ = _shifting(init, signature, names, repeat)  # type: ignore[misc]


def shifted_seed(seed: int, repeat: int) -> int:
    """Return the seed of a repeat.

    Examples:
        >>> shifted_seed(7, 1) == shifted_seed(7, 1) != shifted_seed(7, 2)
        True
    """
    return int(np.random.SeedSequence([abs(seed), repeat]).generate_state(1)[0] >> 1)


def _shifting(init: Any, signature: inspect.Signature, names: list[str], repeat: int) -> Any:
    @functools.wraps(init)
    def shifting(*args: Any, **kwargs: Any) -> None:
        bound = signature.bind(*args, **kwargs)
        for name in names:
            given = bound.arguments.get(name)
            if isinstance(given, int | np.integer):
                bound.arguments[name] = shifted_seed(int(given), repeat)
        init(*bound.args, **bound.kwargs)

    return shifting
