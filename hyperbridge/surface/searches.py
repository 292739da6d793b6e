"""Choose where the points of a call of fmin come from: hyperopt, Optuna, or Ray Tune."""

from __future__ import annotations

import logging
from typing import Any

from hyperbridge import config
from hyperbridge.backends import Backend, Optuna, Ray
from hyperbridge.errors import InvalidArgumentError, UnsupportedArgumentError
from hyperbridge.optional import is_loaded, require
from hyperbridge.run.objective import Objective
from hyperbridge.search.base import Search
from hyperbridge.search.hyperopt_algo import HyperoptSearch, SeedSource
from hyperbridge.search.ray_algo import RaySearch, is_ray_searcher

logger = logging.getLogger(__name__)


def is_optuna_algo(algo: Any) -> bool:
    """Tell whether ``algo`` is an Optuna sampler or study; Optuna is not imported for it."""
    if not is_loaded("optuna"):
        return False
    from hyperbridge.search.optuna.samplers import is_optuna_algo as is_one

    return is_one(algo)


def check_algo(algo: Any) -> None:
    """Refuse what cannot propose points.

    Raises:
        InvalidArgumentError: ``algo`` is no suggest function, sampler, study or searcher.
    """
    if isinstance(algo, type):
        raise InvalidArgumentError(
            f"algo={algo.__name__} is a class; pass an object, such as {algo.__name__}()"
        )
    if not (callable(algo) or is_optuna_algo(algo) or is_ray_searcher(algo)):
        raise InvalidArgumentError(
            "algo must be a suggest function such as tpe.suggest, an Optuna sampler or study, or "
            f"a Ray Tune searcher, got {algo!r}"
        )


def make_search(
    algo: Any, objective: Objective, trials: Any, seeds: SeedSource, backend: Backend
) -> Search:
    """Return the search of a call of fmin.

    With an Optuna study, the Trials object gets the trials that the study has already, and the
    study is its attribute ``study`` from now on.

    Args:
        algo: A suggest function, an Optuna sampler or study, or a Ray Tune searcher.
        objective: What the trials evaluate.
        trials: The Trials object.
        seeds: Where seeds come from.
        backend: Where the trials will run.

    Raises:
        InvalidArgumentError: The study, or the place for it, cannot be used.
        UnsupportedArgumentError: A Ray Tune searcher on another backend than Ray.
        InvalidSpaceError: The searcher cannot take the space.
        BackendUnavailableError: The storage cannot be opened.
    """

    def hyperopt_search() -> Search:
        return HyperoptSearch(
            algo, objective.domain, trials, seeds, notified=not objective.needs_ctrl
        )

    is_study = isinstance(backend, Optuna) or is_optuna_algo(algo)
    if config.storage() is not None and not is_study:
        logger.warning(
            "the storage of HYPERBRIDGE_STORAGE (or --storage) is not used: backend %r makes no "
            "Optuna study without an Optuna sampler as algo",
            backend.name,
        )
    if is_ray_searcher(algo):
        if not isinstance(backend, Ray):
            raise UnsupportedArgumentError(
                f"algo={type(algo).__name__}: a Ray Tune searcher needs backend='ray', and this "
                f"call has backend {backend.name!r}"
            )
        return RaySearch(algo, objective.space, objective.domain, trials)
    if not is_study:
        return hyperopt_search()
    require("optuna", needed_by="Backend 'optuna'")
    from hyperbridge.search.optuna.opening import make_optuna_search
    from hyperbridge.search.optuna.studies import StudyPlace

    place = StudyPlace()
    if isinstance(backend, Optuna):
        place = StudyPlace(backend.storage, backend.study_name)
    return make_optuna_search(
        algo,
        objective.fn,
        objective.space,
        trials,
        seeds,
        place=place,
        default_storage=config.storage(),
        fallback=hyperopt_search,
    )
