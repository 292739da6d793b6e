"""Random points as hyperopt draws them, for distributions that a study holds in another form."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from hyperbridge.space.nodes import Parameter
from hyperbridge.translate.to_optuna import OptunaSpace


class PriorDraws:
    """Draws points as hyperopt draws them, where Optuna's own random draws would differ.

    Args:
        space: The search space.
        seed: Seeds the draws.
        n_random: How many trials must have finished before no more are drawn.
    """

    def __init__(self, space: OptunaSpace, seed: int, n_random: float) -> None:
        self._space = space
        self._rng = np.random.default_rng(seed)
        self.n_random = n_random

    def params(self) -> dict[str, Any]:
        """Return Optuna's parameters of a new point."""
        params: dict[str, Any] = {}

        def draw(parameter: Parameter) -> Any:
            distribution: Any = parameter.distribution  # a walk resolves computed ones
            raw = distribution.draw(self._rng)
            params[parameter.label] = self._space.counterparts[parameter].from_raw(raw)
            return raw

        with contextlib.suppress(Exception):  # an expression that raises fails its trial, later
            self._space.space.walk(draw)
        return params
