"""Search with an Optuna study: each trial is asked from it, each outcome told to it."""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_NEW, JOB_STATE_RUNNING

from hyperbridge.documents import Document
from hyperbridge.errors import HyperbridgeWarning, InvalidArgumentError
from hyperbridge.search.base import Search
from hyperbridge.search.hyperopt_algo import SeedSource, algo_name
from hyperbridge.search.optuna_history import (
    attributes_of,
    check_fit,
    frozen_of,
    loss_of,
    misc_of,
    reconcile,
)
from hyperbridge.search.optuna_names import default_name
from hyperbridge.search.optuna_samplers import (
    SEED_BOUND,
    Choice,
    fresh_seed,
    has_counterpart,
    is_optuna_algo,
    sampler_for,
    sampler_name,
    sampler_seed,
)
from hyperbridge.search.optuna_studies import (
    StudyPlace,
    check_directions,
    open_study,
    session,
    siblings_of,
    tell,
)
from hyperbridge.space import Space
from hyperbridge.space.nodes import Parameter
from hyperbridge.translate.to_optuna import OptunaSpace

logger = logging.getLogger(__name__)


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


class OptunaSearch:
    """A real Optuna study behind the Run.

    Args:
        study: The study.
        space: The search space.
        trials: The Trials object of the run; new documents are made by it.
        name: The search's name in logs and in MLflow.
        prior: Where random points come from, or None to leave them to the sampler.
        suggest: Makes the points instead of the study's sampler, which then only hears of
            them; None for the sampler.
        at_once: Whether the sampler knows a value for every label, so that a space without
            conditions is asked for as a whole, which is faster. Grids and the like may raise
            for one, and a trial of theirs must be known by then to be marked as failed.
    """

    def __init__(
        self,
        study: Any,
        space: OptunaSpace,
        trials: Any,
        *,
        name: str,
        prior: PriorDraws | None = None,
        suggest: Search | None = None,
        at_once: bool = False,
    ) -> None:
        self.name = name
        self.study = study
        self._space = space
        self._trials = trials
        self._prior = prior
        self._suggest = suggest
        self._distributions = space.distributions if at_once else None
        self._labels = list(space.space.parameters)
        self._asked: dict[int, Any] = {}
        self._is_exhausted = False
        self._n_complete = sum(loss_of(document) is not None for document in trials._dynamic_trials)
        self._resources = contextlib.ExitStack()
        self._resources.enter_context(session(study))

    def propose(self, new_ids: Sequence[int]) -> list[Document]:
        """Ask the study for trials. See `Search.propose`."""
        if self._suggest is not None:
            return self._suggest.propose(new_ids)
        documents: list[Document] = []
        for tid in new_ids:
            if self._is_exhausted:
                break
            misc = misc_of(tid, self._ask(tid), self._labels)
            documents += self._trials.new_trial_docs([tid], [None], [{"status": "new"}], [misc])
        return documents

    def _ask(self, tid: int) -> dict[str, Any]:
        """Ask for one trial and return its assignment."""
        if self._prior is not None and self._n_complete < self._prior.n_random:
            self.study.enqueue_trial(self._prior.params())
        if self._distributions is not None:
            trial = self._asked[tid] = self.study.ask(self._distributions)
            return self._space.read_params(trial)
        trial = self._asked[tid] = self.study.ask()
        assignment: dict[str, Any] = {}
        failures: list[BaseException] = []

        def suggest(parameter: Parameter) -> Any:
            try:
                raw = self._space.suggest(trial, parameter)
            except BaseException as exc:
                failures.append(exc)
                raise
            assignment[parameter.label] = raw
            return raw

        try:
            self._space.space.walk(suggest)
        except Exception as exc:
            if failures:
                raise
            # An expression of the space raised; it will raise again where the trial runs, and
            # fail it there as it does on every backend.
            logger.debug("trial %s: the space raised %r", tid, exc)
        return assignment

    def observe(self, document: Document) -> None:
        """Tell the study about a trial that ended. See `Search.observe`."""
        if self._suggest is not None:
            self._suggest.observe(document)
        state = document["state"]
        if state in (JOB_STATE_NEW, JOB_STATE_RUNNING):
            return
        self._n_complete += loss_of(document) is not None
        trial = self._asked.pop(document["tid"], None)
        if trial is not None:
            self._tell(trial, document)
        elif state != JOB_STATE_CANCEL or document["book_time"] is not None:
            self._record(document)

    def _tell(self, trial: Any, document: Document) -> None:
        from optuna.trial import TrialState

        loss = loss_of(document)
        for name, value in attributes_of(document).items():
            trial.set_user_attr(name, value)
        state = TrialState.FAIL if loss is None else TrialState.COMPLETE
        try:
            tell(self.study, trial, loss, state)
        except RuntimeError as exc:
            # Grid and brute-force samplers call Study.stop() when they have nothing left, which
            # is only allowed inside of Study.optimize. The trial has been told by then.
            if "Study.stop" not in str(exc):
                raise
            self._is_exhausted = True

    def _record(self, document: Document) -> None:
        """Add a trial that the study was not asked for: a point of the user's, for example."""
        try:
            frozen = frozen_of(document, self._space)
        except (LookupError, TypeError, ValueError) as exc:
            logger.warning("trial %s is not in the study: %s", document["tid"], exc)
            return
        self.study.add_trial(frozen)

    def close(self) -> None:
        """Fail what was asked for and never ended, so that no trial of the study stays open."""
        from optuna.trial import TrialState

        try:
            for trial in self._asked.values():
                tell(self.study, trial, None, TrialState.FAIL)
        finally:
            self._asked.clear()
            self._resources.close()


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
        trials: The Trials object of the call; gets what the study has beyond it.
        seeds: Seeds the sampler that takes the place of a hyperopt algorithm.
        place: Where the study is kept, as the backend says.
        default_storage: The storage when the backend has none; None for memory.
        fallback: Makes the search for an algorithm that Optuna has no counterpart of.

    Raises:
        InvalidArgumentError: The study cannot hold trials of this call.
        BackendUnavailableError: The storage cannot be opened.
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
    check_fit(study, own_space)
    n_earlier = reconcile(study, trials, own_space)
    is_named = study is algo or place.study_name is not None
    if not is_named and n_earlier == 0:
        _note_siblings(study)
    if choice is not None:
        n_known = len(study.get_trials(deepcopy=False))
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
    if own_space.losses and suggest is None:
        _note_losses(own_space)
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


def _note_losses(space: OptunaSpace) -> None:
    """Say which parameters Optuna gets in another form, and why; once for each reason."""
    labels: dict[str, list[str]] = {}
    for loss in space.losses:
        labels.setdefault(f"{loss.got}. {loss.why}.", []).append(loss.label)
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
