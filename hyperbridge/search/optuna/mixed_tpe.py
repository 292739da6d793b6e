"""Optuna's TPE for spaces with categories: numbers jointly, each category by itself.

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
from optuna.study import StudyDirection
from optuna.trial import TrialState

_MOST_BEST = 25
"""How many good trials hyperopt's ``tpe.suggest`` keeps at most."""


def n_best(n: int, gamma: float = 0.25) -> int:
    """Return how many of n trials are good ones, as hyperopt counts them.

    Examples:
        >>> n_best(100), n_best(10, gamma=2.0), n_best(100_000)
        (3, 7, 25)
    """
    best = min(math.ceil(gamma * math.sqrt(n)), _MOST_BEST)
    return best if best >= 0 else max(0, n + best)  # hyperopt takes a slice, [:best]


class MixedTPESampler(TPESampler):  # type: ignore[misc]  # Optuna is not followed
    """A ``TPESampler`` that draws categories one by one.

    Args:
        option_weights: Probability by option, for the parameters whose options have weights.
        n_startup_trials: Trials that must be complete before it stops drawing at random.
        gamma: How many of n trials are the best ones; None for `n_best`.
        prior_weight: How many imagined trials the prior counts for, per option.
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
        prior_weight: float = 1.0,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        if gamma is not None:
            options["gamma"] = gamma
        if prior_weight != 1.0:  # Optuna 6 has no such argument
            options["prior_weight"] = prior_weight
        super().__init__(n_startup_trials=n_startup_trials, seed=seed, **options)
        self._weight_of_prior = prior_weight
        self._option_weights = option_weights
        self._n_random = n_startup_trials
        self._n_best = gamma or n_best
        self._generator = np.random.default_rng(seed)

    def reseed_rng(self) -> None:
        """Take new seeds from the operating system. Optuna asks for it in new threads."""
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
            if len(complete) >= self._n_random and len(study.directions) == 1:
                is_maximised = study.direction == StudyDirection.MAXIMIZE
                best_first = sorted(complete, key=lambda t: t.value, reverse=is_maximised)
                return self._draw(best_first, param_name, param_distribution.choices)
        return super().sample_independent(study, trial, param_name, param_distribution)

    def _draw(self, best_first: list[Any], name: str, choices: tuple[Any, ...]) -> Any:
        known = [trial for trial in best_first if name in trial.params]
        even = 1 / len(choices)
        prior = {c: self._option_weights.get(name, {}).get(c, even) for c in choices}
        total = self._weight_of_prior * len(choices)
        counts = {choice: total * weight for choice, weight in prior.items()}
        for trial in known[: self._n_best(len(known))]:
            if trial.params[name] in counts:  # a study by hand may change the choices
                counts[trial.params[name]] += 1
        sums = np.cumsum(list((counts if any(counts.values()) else prior).values()))
        return choices[int(np.searchsorted(sums, self._generator.uniform(0, sums[-1])))]
