"""Open the study of a call of fmin, choose its sampler, and copy its trials to the Trials."""

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
from hyperbridge.search.optuna.naming import code_of, default_name
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
from hyperbridge.search.optuna.sessions import is_kept
from hyperbridge.search.optuna.studies import (
    StudyPlace,
    check_directions,
    open_study,
)
from hyperbridge.space import Space
from hyperbridge.translate.to_optuna import OptunaSpace

logger = logging.getLogger(__name__)

_CODE = "hyperbridge.objective"
"""User attribute of a study: the hash of the objective's code."""


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
    """Open the study of a call of fmin, and give it and the Trials object the same trials.

    Args:
        algo: A hyperopt algorithm, or an Optuna sampler or study.
        fn: The objective, for the name of a stored study.
        space: The search space.
        trials: The Trials object of the call. It gets the trials that only the study has, and
            the attribute ``study``.
        seeds: Seeds the sampler that takes the place of a hyperopt algorithm.
        place: Where the study is kept, as the backend says.
        default_storage: The storage if the backend has none; None for memory.
        fallback: Makes the search of an algorithm that has no counterpart in Optuna.

    Raises:
        InvalidArgumentError: The study cannot hold trials of this call.
        BackendUnavailableError: The storage cannot be opened or read.
        UnsupportedArgumentError: Optuna has no counterpart of the algorithm's options.
    """
    own_space = OptunaSpace(space)
    choice: Choice | None = None
    suggest: Search | None = None
    seed = 0
    if has_counterpart(algo):
        seed = sampler_seed(seeds)
        choice = sampler_for(algo, seed, space)
    elif not is_optuna_algo(algo):
        suggest = fallback()
        _note_recorded(algo_name(algo))
    is_given = is_optuna_algo(algo) and hasattr(algo, "ask")
    if is_given:
        _check_given(algo, place)
        study = algo
    else:
        if place.storage is None:
            place = replace(place, storage=default_storage)
        sampler = algo if is_optuna_algo(algo) else choice and choice.sampler
        study = open_study(place, sampler, name=lambda: default_name(fn, space))
    is_named = is_given or place.study_name is not None
    with named(study, advice="No trial has been started."):
        advice = "Give another study_name."
        if is_given:
            advice = "Give a study of this search space, or a new one."
        check_fit(study, own_space, advice=advice)
        if not (is_named or study.get_trials(deepcopy=False)):
            _note_siblings(study)
        _check_code(study, fn)
        n_earlier = reconcile(study, trials, own_space)
        n_known = len(study.get_trials(deepcopy=False))
    prior: PriorDraws | None = None
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
            "continuing study %r, which has %d trials%s",
            study.study_name,
            n_earlier,
            "" if is_named else "; for a new study, give hyperbridge.Optuna(study_name=...)",
        )
    attach(trials, "study", study)
    if own_space.approximations and suggest is None:
        _note_approximations(own_space)
    return OptunaSearch(
        study,
        own_space,
        trials,
        name=sampler_name(study.sampler) if is_optuna_algo(algo) else algo_name(algo),
        prior=prior,
        suggest=suggest,
        at_once=choice is not None,
        is_given=is_given,
        is_named=is_named,
    )


def _check_given(study: Any, place: StudyPlace) -> None:
    """Refuse a study given as ``algo`` that fmin cannot use.

    Raises:
        InvalidArgumentError: The backend names another place, or the study does not minimise one
            value.
    """
    if place.storage is not None or place.study_name is not None:
        raise InvalidArgumentError(
            "algo is an Optuna study, which has its own storage and name. Give neither storage nor "
            "study_name."
        )
    check_directions(
        study,
        advice="Create it with direction='minimize', and let the objective return as its loss "
        "the negative of what it maximises.",
    )


def _needs_prior(space: OptunaSpace, choice: Choice) -> bool:
    """Tell whether random points must be drawn here instead of by the sampler."""
    if math.isinf(choice.n_random):  # a random search, so every draw must be exact
        return not space.counterparts.keep_prior
    return not space.counterparts.nearly_keep_prior


def _note_siblings(study: Any) -> None:
    """Say that the storage has studies of the same objective, but of other search spaces."""
    beginning = study.study_name.rpartition("-")[0] + "-"
    others = [
        each.study_name
        for each in study._storage.get_all_studies()
        if each.study_name.startswith(beginning) and each.study_name != study.study_name
    ]
    if is_kept(study) and others:
        logger.warning(
            "new study %r: the search space, or an option of the objective, differs from that of "
            "%s. To continue one of these, give hyperbridge.Optuna(study_name=...)",
            study.study_name,
            ", ".join(map(repr, sorted(others))),
        )


def _check_code(study: Any, fn: Any) -> None:
    """Keep a hash of the objective's code in a stored study, and say when it has changed."""
    if not is_kept(study):
        return
    code, known = code_of(fn), study.user_attrs.get(_CODE)
    if known == code:
        return
    study.set_user_attr(_CODE, code)
    if known is not None:
        logger.warning(
            "the code of the objective, or a value that it holds, has changed since study %r was "
            "last used. If the losses can no longer be compared, start a new study with "
            "hyperbridge.Optuna(study_name=...)",
            study.study_name,
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
