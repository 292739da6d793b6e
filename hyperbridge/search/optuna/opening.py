"""Open the study of a call of fmin, choose its sampler, and bring study and Trials up to date."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hyperbridge.attached import attach
from hyperbridge.errors import HyperbridgeWarning, InvalidArgumentError
from hyperbridge.search.base import Search
from hyperbridge.search.hyperopt_algo import SeedSource, algo_name
from hyperbridge.search.optuna.joining import check_fit, reconcile
from hyperbridge.search.optuna.locks import named
from hyperbridge.search.optuna.naming import default_name
from hyperbridge.search.optuna.prior import PriorDraws
from hyperbridge.search.optuna.samplers import (
    SEED_BOUND,
    Choice,
    fresh_seed,
    has_counterpart,
    is_optuna_algo,
    sampler_for,
    sampler_name,
    sampler_seed,
)
from hyperbridge.search.optuna.search import OptunaSearch
from hyperbridge.search.optuna.studies import (
    StudyPlace,
    check_directions,
    open_study,
    siblings_of,
)
from hyperbridge.space import Space
from hyperbridge.translate.to_optuna import OptunaSpace

logger = logging.getLogger(__name__)


def make_optuna_search(
    algo: Any,
    fn: Any,
    space: Space,
    trials: Any,
    seeds: SeedSource,
    *,
    place: StudyPlace,
    default_storage: Any,
    fallback: Callable[[], Search],
) -> OptunaSearch:
    """Open the study of a call of fmin and bring it and the Trials object up to date.

    Args:
        algo: A hyperopt algorithm, or an Optuna sampler or study.
        fn: The objective, for the name of a stored study.
        space: The search space.
        trials: The Trials object of the call; gets what the study has beyond it, and the
            attribute ``study``.
        seeds: Seeds the sampler that takes the place of a hyperopt algorithm.
        place: Where the study is kept, as the backend says.
        default_storage: The storage when the backend has none; None for memory.
        fallback: Makes the search for an algorithm that Optuna has no counterpart of.

    Raises:
        InvalidArgumentError: The study cannot hold trials of this call.
        BackendUnavailableError: The storage cannot be opened or read.
        UnsupportedArgumentError: Optuna has no counterpart of the algorithm's options.
    """
    own_space = OptunaSpace(space)
    kept = replace(place, storage=default_storage) if place.storage is None else place
    prior: PriorDraws | None = None
    suggest: Search | None = None
    choice: Choice | None = None
    seed = 0
    default = default_name(fn, space)
    if is_optuna_algo(algo) and hasattr(algo, "ask"):
        if place.storage is not None or place.study_name is not None:
            raise InvalidArgumentError(
                "algo is an Optuna study, which has its own storage and name; give neither "
                "storage nor study_name"
            )
        study, title = algo, sampler_name(algo.sampler)
        check_directions(study)
    elif is_optuna_algo(algo):
        study, title = open_study(kept, algo, name=default), sampler_name(algo)
    else:
        title = algo_name(algo)
        if has_counterpart(algo):
            seed = sampler_seed(seeds)
            choice = sampler_for(algo, seed, space)
        else:
            suggest = fallback()
            _note_recorded(title)
        study = open_study(kept, None if choice is None else choice.sampler, name=default)
    is_named = study is algo or place.study_name is not None
    with named(study, advice="No trial has been started."):
        check_fit(study, own_space)
        is_new = not study.get_trials(deepcopy=False)  # before the Trials object's own get there
        n_earlier = reconcile(study, trials, own_space)
        if is_new and not is_named:
            _note_siblings(study)
        n_known = len(study.get_trials(deepcopy=False))
    if choice is not None:
        if n_known:  # the same seed again would draw the same points again
            choice = sampler_for(algo, fresh_seed(seed, n_known), space)
            study.sampler = choice.sampler
        if _needs_prior(own_space, choice):
            prior_seed = fresh_seed(int(seeds.integers(SEED_BOUND)), n_known)
            prior = PriorDraws(own_space, prior_seed, choice.n_random)
    if n_earlier:
        logger.log(
            logging.INFO if is_named else logging.WARNING,
            "going on with study %r and its %d trials%s",
            study.study_name,
            n_earlier,
            ""
            if is_named
            else "; for a search of its own, give hyperbridge.Optuna(study_name=...)",
        )
    attach(trials, "study", study)
    if own_space.approximations and suggest is None:
        _note_approximations(own_space)
    return OptunaSearch(
        study,
        own_space,
        trials,
        name=title,
        prior=prior,
        suggest=suggest,
        at_once=choice is not None,
    )


def _needs_prior(space: OptunaSpace, choice: Choice) -> bool:
    """Tell whether random points must be drawn here instead of by the sampler."""
    if math.isinf(choice.n_random):  # random search is nothing but its prior
        return not space.counterparts.keep_prior
    return not space.counterparts.nearly_keep_prior


def _note_siblings(study: Any) -> None:
    """Say that the storage has studies of this name's beginning: an objective may have changed."""
    siblings = siblings_of(study)
    if siblings:
        logger.warning(
            "a study of its own, %r, begins: the objective or its space is another one than that "
            "of %s. To go on with an earlier study, give hyperbridge.Optuna(study_name=...)",
            study.study_name,
            ", ".join(repr(name) for name in siblings),
        )


def _note_approximations(space: OptunaSpace) -> None:
    """Say which parameters Optuna gets in another form, and why; once for each reason."""
    labels: dict[str, list[str]] = {}
    for each in space.approximations:
        labels.setdefault(f"{each.got}. {each.why}.", []).append(each.label)
    notes = "\n".join(f"  {', '.join(names)}: {text}" for text, names in labels.items())
    logger.warning("Optuna gets some parameters in another form:\n%s", notes)


def _note_recorded(name: str) -> None:
    """Say that an algorithm has no counterpart in Optuna."""
    text = (
        f"Optuna has no counterpart of {name}: hyperopt's own code makes the suggestions, and "
        "the study records them. Choose tpe.suggest, rand.suggest or an Optuna sampler as algo "
        "to let Optuna search."
    )
    if name.startswith("hyperopt."):
        warnings.warn(text, HyperbridgeWarning, stacklevel=5)
    else:
        logger.warning("%s", text)
