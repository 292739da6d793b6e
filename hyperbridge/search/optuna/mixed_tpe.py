"""Optuna's TPE for spaces with categories: numbers jointly, each category on its own.

Optuna's multivariate TPE samples everything from the kernels of the one to three best trials, and
then takes the best candidate: a category hardly ever leaves that of these trials. Here it is
drawn from the frequencies in the best trials plus one imagined trial for each option, which is
the posterior of hyperopt's TPE. benchmarks/quality.py shows the difference. Sources: Optuna
reference, ``BaseSampler``; Bergstra et al., Algorithms for Hyper-Parameter Optimization, 2011.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.samplers import TPESampler
from optuna.trial import TrialState

_MOST_BEST = 25


class MixedTPESampler(TPESampler):  # type: ignore[misc]  # Optuna is not followed
    """A ``TPESampler`` that draws categories one by one.

    Args:
        option_weights: Probability by option, for those parameters whose options are not alike.
        n_startup_trials: Trials that must be complete before it stops drawing at random.
        gamma: How many of n trials are the best ones; None for ``ceil(sqrt(n) / 4)``, at most 25.
        seed: Seeds all draws.
        options: Further arguments of ``TPESampler``.

    Examples:
        >>> isinstance(MixedTPESampler(option_weights={}, seed=0), TPESampler)
        True
    """

    def __init__(
        self,
        *,
        option_weights: Mapping[str, Mapping[int, float]],
        n_startup_trials: int = 10,
        gamma: Callable[[int], int] | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        given = {} if gamma is None else {"gamma": gamma}
        super().__init__(n_startup_trials=n_startup_trials, seed=seed, **given, **options)
        self._option_weights = option_weights
        self._n_random = n_startup_trials
        self._n_best = gamma or (lambda n: min(math.ceil(0.25 * math.sqrt(n)), _MOST_BEST))
        self._generator = np.random.default_rng(seed)

    def reseed_rng(self) -> None:
        """Take new seeds from the operating system, as Optuna asks for in new threads."""
        super().reseed_rng()
        self._generator = np.random.default_rng()

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        """Return the distributions that are sampled jointly: all but the categories."""
        relative = super().infer_relative_search_space(study, trial)
        return {
            name: distribution
            for name, distribution in relative.items()
            if not isinstance(distribution, CategoricalDistribution)
        }

    def sample_independent(
        self, study: Any, trial: Any, param_name: str, param_distribution: Any
    ) -> Any:
        """Return a value of a category, or of a number that is not in every trial."""
        if isinstance(param_distribution, CategoricalDistribution):
            complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            if len(complete) >= self._n_random:
                return self._draw(complete, param_name, param_distribution.choices)
        return super().sample_independent(study, trial, param_name, param_distribution)

    def _draw(self, complete: list[Any], name: str, choices: tuple[Any, ...]) -> Any:
        known = sorted((t for t in complete if name in t.params), key=lambda t: t.value)
        weights = self._option_weights.get(name, {})
        counts = {
            choice: len(choices) * weights.get(choice, 1 / len(choices)) for choice in choices
        }
        for trial in known[: self._n_best(len(known))]:
            counts[trial.params[name]] += 1
        totals = np.cumsum(list(counts.values()))
        return choices[int(np.searchsorted(totals, self._generator.uniform(0, totals[-1])))]
