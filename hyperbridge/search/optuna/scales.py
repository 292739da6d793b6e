"""Turn distributions of Optuna into priors of hyperopt's TPE, with the scale of their values.

Source: Optuna's reference of ``optuna.distributions``; the priors are hyperopt's. Nothing here
imports Optuna.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hyperbridge.search.tpe.priors import EPS, CategoricalPrior, NumericPrior, Prior


@dataclass(frozen=True, slots=True)
class Scale:
    """An Optuna distribution as a prior of hyperopt's TPE.

    Attributes:
        distribution: The distribution.
        prior: Its prior.
        shift: What is added to hyperopt's value to get Optuna's: hyperopt counts steps from 0,
            Optuna from the lower end.
    """

    distribution: Any
    prior: Prior
    shift: float = 0.0

    def to_value(self, drawn: Any) -> Any:
        """Return Optuna's value of what was drawn."""
        given = self.distribution
        if isinstance(self.prior, CategoricalPrior):
            return given.to_external_repr(int(drawn))
        value = min(max(float(drawn) + self.shift, given.low), given.high)
        return round(value) if isinstance(given.low, int) else value

    def to_inner(self, value: Any) -> float | None:
        """Return a past value on the inner scale; None if the distribution does not contain it."""
        if isinstance(self.prior, CategoricalPrior):
            return float(self.distribution.to_internal_repr(value))
        if not self.distribution.low <= value <= self.distribution.high:
            return None
        return self.prior.to_inner(value - self.shift)


def scale_of(distribution: Any) -> Scale:
    """Return a distribution as a prior of hyperopt's TPE.

    Args:
        distribution: One of ``optuna.distributions``: float, integer or categorical.
    """
    if hasattr(distribution, "choices"):
        return Scale(distribution, CategoricalPrior(len(distribution.choices), 0, None))
    low, high, step = float(distribution.low), float(distribution.high), distribution.step
    if distribution.log:
        ends = float(np.log(low)), float(np.log(high))
        prior = _bounded_prior(*ends, log=True, q=None if step is None else float(step))
        return Scale(distribution, prior)
    shift = 0.0
    if step is not None and low % step != 0:
        shift = low
    prior = _bounded_prior(
        low - shift, high - shift, log=False, q=None if step is None else float(step)
    )
    return Scale(distribution, prior, shift)


def _bounded_prior(low: float, high: float, *, log: bool, q: float | None) -> NumericPrior:
    floor = max(EPS, float(np.exp(low))) if log and q is not None else None
    return NumericPrior(low, high, 0.5 * (high + low), high - low, log, q, floor)
