"""hyperopt's TPE as an Optuna sampler, for studies that use nothing else of hyperopt.

Source: Optuna's reference of ``optuna.samplers.BaseSampler``; the algorithm is that of
``hyperopt.tpe.suggest``. The module imports Optuna, so it is imported only where the sampler is
asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.search.optuna import OPTUNA
from hyperbridge.search.optuna.scales import Scale, scale_of
from hyperbridge.search.tpe.columns import better_part
from hyperbridge.search.tpe.draws import draw_prior
from hyperbridge.search.tpe.priors import BoolArray, FloatArray
from hyperbridge.search.tpe.single import suggest_value
from hyperbridge.search.tpe.word_stream import open_stream

OPTUNA.require("HyperoptSampler")

from optuna import distributions  # noqa: E402  (after the check, for its advice)
from optuna.samplers import BaseSampler  # noqa: E402
from optuna.study import Study, StudyDirection  # noqa: E402
from optuna.trial import FrozenTrial, TrialState  # noqa: E402

_SEED_BOUND = 2**31 - 1
_COUNTED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)


class HyperoptSampler(BaseSampler):  # type: ignore[misc]  # mypy does not look into Optuna
    """Samples by hyperopt's TPE, each parameter by itself.

    A ``suggest_float`` is sampled like ``hp.uniform``, with ``log`` like ``hp.loguniform``, with a
    ``step`` like ``hp.quniform``; a ``suggest_int`` like ``hp.uniformint``; a
    ``suggest_categorical`` like ``hp.choice``. As in hyperopt, running and pruned trials count as
    the worst, and failed ones do not count. Parameters may depend on one another in any way. A
    study may be resumed: a trial's random numbers depend on the seed and the trial's number alone.
    The study must have one objective.

    With the same seed, trials one after the other, and parameters suggested in reverse
    alphabetical order, which is hyperopt's, the values are those that
    ``hyperopt.fmin(..., rstate=numpy.random.default_rng(seed))`` tries, bit for bit (those with
    ``log`` to rounding, because their bounds are given in another way). With
    ``study.optimize(n_jobs=2)`` Optuna seeds its samplers again in each thread, and ``seed`` has no
    effect.

    Args:
        seed: Seeds the random numbers; None for other numbers each time.
        n_startup_trials: Trials to draw at random before the first fit.
        n_ei_candidates: Candidates drawn per parameter; at least 1.
        gamma: The better part of n trials has ``ceil(gamma * sqrt(n))`` of them, at most 25.
        prior_weight: Weight of the prior, where an observation has weight 1; positive.

    Raises:
        InvalidArgumentError: An argument is out of range, or the study has several objectives.

    Examples:
        >>> import optuna
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> study = optuna.create_study(sampler=HyperoptSampler(seed=0))
        >>> study.optimize(lambda trial: (trial.suggest_float("x", -5, 10) - 2) ** 2, n_trials=40)
        >>> study.best_value < 0.1
        True
    """

    def __init__(
        self,
        seed: int | None = None,
        *,
        n_startup_trials: int = 20,
        n_ei_candidates: int = 24,
        gamma: float = 0.25,
        prior_weight: float = 1.0,
    ) -> None:
        if n_ei_candidates < 1:
            raise InvalidArgumentError(f"n_ei_candidates must be at least 1, not {n_ei_candidates}")
        if not prior_weight > 0:
            raise InvalidArgumentError(f"prior_weight must be greater than 0, not {prior_weight}")
        if not gamma >= 0:
            raise InvalidArgumentError(f"gamma must be at least 0, not {gamma}")
        self._n_startup_trials = n_startup_trials
        self._n_ei_candidates = n_ei_candidates
        self._gamma = gamma
        self._prior_weight = prior_weight
        self._seed_source = np.random.default_rng(seed)
        self._seeds: list[int] = []
        self._open_for_use()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_lock", "_suggestions")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open_for_use()

    def _open_for_use(self) -> None:
        self._lock = threading.Lock()
        # By study and number of the trial: a sampler may serve several studies.
        self._suggestions: WeakKeyDictionary[Study, dict[int, _Suggestion]] = WeakKeyDictionary()

    def reseed_rng(self) -> None:
        """Take new random numbers from the operating system.

        Optuna asks for it in each thread of ``study.optimize(n_jobs=2)``; ask for it yourself in
        a copy of a sampler that must not draw what the original draws.
        """
        with self._lock:
            self._seed_source = np.random.default_rng()
            self._seeds = []

    def infer_relative_search_space(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, distributions.BaseDistribution]:
        """Return nothing: every parameter is sampled when it is suggested."""
        return {}

    def sample_relative(
        self,
        study: Study,
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, distributions.BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return nothing: every parameter is sampled when it is suggested."""
        _check_objectives(study)
        return {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: distributions.BaseDistribution,
    ) -> Any:
        """Return a value of one parameter."""
        suggestions = self._suggestions.setdefault(study, {})
        suggestion = suggestions.get(trial.number)
        if suggestion is None:
            suggestion = suggestions[trial.number] = self._start(study, trial)
        scale = scale_of(param_distribution)
        if len(suggestion.past) < self._n_startup_trials:
            drawn = draw_prior(scale.prior, suggestion.rng)
        else:
            observations, is_better = suggestion.observations(param_name, scale)
            drawn = suggest_value(
                scale.prior,
                observations,
                is_better,
                suggestion.stream,
                prior_weight=self._prior_weight,
                n_candidates=self._n_ei_candidates,
            )
        return scale.to_value(drawn)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,  # noqa: ARG002
        values: Sequence[float] | None,  # noqa: ARG002
    ) -> None:
        """Forget the trial's random numbers."""
        self._suggestions.get(study, {}).pop(trial.number, None)

    def _start(self, study: Study, trial: FrozenTrial) -> _Suggestion:
        _check_objectives(study)
        with self._lock:
            while len(self._seeds) <= trial.number:
                self._seeds.append(int(self._seed_source.integers(_SEED_BOUND)))
            seed = self._seeds[trial.number]  # Optuna's threads reseed when they begin
        past = [
            other
            for other in study.get_trials(deepcopy=False, states=_COUNTED)
            if other.number != trial.number
        ]
        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        losses = [
            sign * other.value if other.state == TrialState.COMPLETE else np.inf for other in past
        ]
        is_better = better_part(np.array(losses, dtype=np.float64), self._gamma)
        return _Suggestion(seed, past, is_better)


def _check_objectives(study: Study) -> None:
    if len(study.directions) > 1:
        raise InvalidArgumentError(
            "HyperoptSampler samples for one objective; this study has "
            f"{len(study.directions)}. Use optuna.samplers.TPESampler()."
        )


class _Suggestion:
    """What the parameters of one trial are suggested from."""

    def __init__(self, seed: int, past: list[FrozenTrial], is_better: BoolArray) -> None:
        self.past = past
        self.rng = np.random.default_rng(seed)
        self.stream = open_stream(self.rng.bit_generator)
        self._is_better = is_better

    def observations(self, name: str, scale: Scale) -> tuple[FloatArray, BoolArray]:
        """Return a parameter's past values on the inner scale, and which are the better ones."""
        values, rows = [], []
        for row, trial in enumerate(self.past):
            if name in trial.params:
                value = scale.to_inner(trial.params[name])
                if value is not None:
                    values.append(value)
                    rows.append(row)
        return np.array(values, dtype=np.float64), self._is_better[rows]
