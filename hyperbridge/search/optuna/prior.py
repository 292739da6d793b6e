"""Draw random points as hyperopt does, where a study has another distribution."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from hyperbridge.space.nodes import Parameter
from hyperbridge.translate.to_optuna import OptunaSpace


class PriorDraws:
    """Draws random points as hyperopt does, for spaces where Optuna's own draws would differ.

    Args:
        space: The search space.
        seed: Seeds the draws.
        n_random: How many trials to draw at random before the sampler begins.
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
