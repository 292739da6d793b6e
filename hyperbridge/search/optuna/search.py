"""Search with an Optuna study: each trial is asked from it, each outcome told to it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_NEW, JOB_STATE_RUNNING

from hyperbridge.documents import Document
from hyperbridge.search.base import Search
from hyperbridge.search.optuna.history import (
    attributes_of,
    frozen_of,
    loss_of,
    misc_of,
)
from hyperbridge.search.optuna.studies import (
    session,
    tell,
)
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
