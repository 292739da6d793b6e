"""Choose where the points of a call of fmin come from: hyperopt's algorithms or Optuna's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from hyperbridge import config
from hyperbridge.errors import ArgumentTypeError, UnsupportedArgumentError
from hyperbridge.search.optuna import OPTUNA
from hyperbridge.search.optuna.samplers import is_optuna_algo as is_optuna_algo

if TYPE_CHECKING:
    from hyperbridge.run.objective import Objective
    from hyperbridge.search.base import Search
    from hyperbridge.search.hyperopt_algo import SeedSource
    from hyperbridge.search.optuna.studies import StudyPlace

logger = logging.getLogger(__name__)


def is_ray_searcher(algo: Any) -> bool:
    """Tell whether ``algo`` is a Ray Tune searcher; Ray is not imported for it.

    Examples:
        >>> is_ray_searcher(print)
        False
    """
    return any(
        cls.__module__.startswith("ray.tune.search") and cls.__name__ == "Searcher"
        for cls in type(algo).__mro__
    )


def check_algo(algo: Any) -> None:
    """Refuse what cannot propose points.

    Raises:
        ArgumentTypeError: ``algo`` is not a suggest function, sampler, study or searcher.
    """
    if isinstance(algo, type):
        raise ArgumentTypeError(
            f"algo={algo.__name__} is a class; pass an object, such as {algo.__name__}()"
        )
    if not (callable(algo) or is_optuna_algo(algo) or is_ray_searcher(algo)):
        raise ArgumentTypeError(
            "algo must be a suggest function such as tpe.suggest, an Optuna sampler or study, or "
            f"a Ray Tune searcher, got {algo!r}"
        )


def make_search(
    algo: Any, objective: Objective, trials: Any, seeds: SeedSource, *, backend: str
) -> Search:
    """Return the search of a backend that has none of its own.

    Args:
        algo: A suggest function, or an Optuna sampler or study.
        objective: What the trials evaluate.
        trials: The Trials object.
        seeds: Where seeds come from.
        backend: The backend's name, for messages.

    Raises:
        UnsupportedArgumentError: ``algo`` is a Ray Tune searcher.
        InvalidArgumentError: The study cannot be used.
        BackendUnavailableError: The storage of HYPERBRIDGE_STORAGE cannot be opened.
    """
    if is_optuna_algo(algo):
        return make_study_search(algo, objective, trials, seeds)
    if config.storage() is not None:
        logger.warning(
            "the storage of HYPERBRIDGE_STORAGE (or --storage) is not used: backend %r makes no "
            "Optuna study without an Optuna sampler as algo",
            backend,
        )
    if is_ray_searcher(algo):
        raise UnsupportedArgumentError(
            f"algo={type(algo).__name__}: a Ray Tune searcher needs backend='ray', and this "
            f"call has backend {backend!r}"
        )
    return _hyperopt_search(algo, objective, trials, seeds)


def make_study_search(
    algo: Any,
    objective: Objective,
    trials: Any,
    seeds: SeedSource,
    place: StudyPlace | None = None,
) -> Search:
    """Return a search that is an Optuna study.

    The Trials object gets the trials that the study has already, and the study is its attribute
    ``study`` from now on.

    Args:
        algo: A suggest function, or an Optuna sampler or study.
        objective: What the trials evaluate.
        trials: The Trials object.
        seeds: Where seeds come from.
        place: Where the study is kept; None for what the environment says.

    Raises:
        MissingDependencyError: Optuna is not installed.
        InvalidArgumentError: The study, or the place for it, cannot be used.
        UnsupportedArgumentError: ``algo`` is a Ray Tune searcher.
        BackendUnavailableError: The storage cannot be opened.
    """
    if is_ray_searcher(algo):
        raise UnsupportedArgumentError(
            f"algo={type(algo).__name__}: a Ray Tune searcher needs backend='ray', and this "
            "call has backend 'optuna'"
        )
    OPTUNA.require("Backend 'optuna'")
    from hyperbridge.search.optuna.opening import make_optuna_search
    from hyperbridge.search.optuna.studies import StudyPlace

    return make_optuna_search(
        algo,
        objective.fn,
        objective.space,
        trials,
        seeds,
        place=place or StudyPlace(),
        default_storage=config.storage(),
        fallback=lambda: _hyperopt_search(algo, objective, trials, seeds),
    )


def _hyperopt_search(algo: Any, objective: Objective, trials: Any, seeds: SeedSource) -> Search:
    from hyperbridge.search.hyperopt_algo import HyperoptSearch

    return HyperoptSearch(algo, objective.domain, trials, seeds)
