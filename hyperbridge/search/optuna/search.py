"""Search with an Optuna study: each trial is asked from it, each outcome told to it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_NEW, JOB_STATE_RUNNING

from hyperbridge.documents import Document, Place, misc_of, new_document
from hyperbridge.errors import BackendUnavailableError
from hyperbridge.search.base import Search
from hyperbridge.search.optuna.history import (
    attributes_of,
    frozen_of,
    loss_of,
)
from hyperbridge.search.optuna.locks import Patience, named, storage_name
from hyperbridge.search.optuna.prior import PriorDraws
from hyperbridge.search.optuna.sessions import StudySession, study_session
from hyperbridge.search.optuna.studies import tell
from hyperbridge.space.nodes import Parameter
from hyperbridge.translate.to_optuna import OptunaSpace

logger = logging.getLogger(__name__)

_GO_ON = (
    "The trials that have ended are in the Trials object; pass it to the same call of fmin to go "
    "on when the storage is back."
)


class OptunaSearch:
    """A real Optuna study behind the Run.

    A storage that fails ends the search: with the first failure, so that every trial which has
    ended is still recorded in the Trials object. What the study has not got yet is written when
    the search closes, if the storage is there again.

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
        self.kept_in = _place_of(study)
        self._space = space
        self._trials = trials
        self._prior = prior
        self._suggest = suggest
        self._distributions = space.distributions if at_once else None
        self._labels = list(space.space.parameters)
        self._asked: dict[int, Any] = {}
        self._is_exhausted = False
        self._n_complete = sum(loss_of(document) is not None for document in trials._dynamic_trials)
        self._unwritten: list[Document] = []
        self._is_lost = False
        self._resources = contextlib.ExitStack()
        self._patience = self._resources.enter_context(Patience(study))
        self._entered = contextlib.ExitStack()
        self._session: StudySession | None = None
        try:
            with self._storage():
                self._session = self._entered.enter_context(study_session(study))
        except BaseException:
            self._resources.close()
            raise

    @contextlib.contextmanager
    def _storage(self) -> Iterator[None]:
        """Name the storage when it fails, and wait for it no more from then on."""
        try:
            with named(self.study, advice=_GO_ON):
                yield
        except BackendUnavailableError:
            self._is_lost = True
            self._patience.lose()
            if self._session is not None:
                self._session.is_clean = False
            raise

    def propose(self, new_ids: Sequence[int]) -> list[Document]:
        """Ask the study for trials. See `Search.propose`.

        Raises:
            BackendUnavailableError: The study's storage failed.
        """
        if self._suggest is not None:
            return self._suggest.propose(new_ids)
        with self._storage():
            return self._propose(new_ids)

    def _propose(self, new_ids: Sequence[int]) -> list[Document]:
        documents: list[Document] = []
        for tid in new_ids:
            if self._is_exhausted:
                break
            misc = misc_of(tid, self._ask(tid), self._labels)
            documents.append(new_document(tid, misc, self._trials._exp_key))
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
        """Tell the study about a trial that ended. See `Search.observe`.

        Raises:
            BackendUnavailableError: The study's storage failed; once, not for further trials.
        """
        if self._suggest is not None:
            self._suggest.observe(document)
        state = document["state"]
        if state in (JOB_STATE_NEW, JOB_STATE_RUNNING):
            return
        self._n_complete += loss_of(document) is not None
        self._unwritten.append(document)
        if not self._is_lost:
            with self._storage():
                self._write()

    def _write(self) -> None:
        """Bring the trials that have ended into the study."""
        while self._unwritten:
            document = self._unwritten[0]
            trial = self._asked.get(document["tid"])
            if trial is not None:
                self._tell(trial, document)
                del self._asked[document["tid"]]
            elif document["state"] != JOB_STATE_CANCEL or document["book_time"] is not None:
                self._record(document)
            del self._unwritten[0]

    def _tell(self, trial: Any, document: Document) -> None:
        from optuna.trial import TrialState

        loss = loss_of(document)
        for name, value in attributes_of(document).items():
            trial.set_user_attr(name, value)
        self._end(trial, loss, TrialState.FAIL if loss is None else TrialState.COMPLETE)

    def _end(self, trial: Any, loss: float | None, state: Any) -> None:
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
        """Fail what was asked for and never ended, so that no trial of the study stays open.

        Where the storage does not let it, the next call that goes on with the study does it.
        """
        from optuna.trial import TrialState

        try:
            with self._storage():
                self._write()
                for trial in self._asked.values():
                    self._end(trial, None, TrialState.FAIL)
                self._entered.close()
        except BackendUnavailableError as exc:
            logger.warning("the study could not be brought to its end: %s", exc)
        finally:
            self._asked.clear()
            self._unwritten.clear()
            self._entered.close()
            self._resources.close()


def _place_of(study: Any) -> Place | None:
    from optuna.storages import InMemoryStorage

    if isinstance(study._storage, InMemoryStorage):
        return None
    return Place(f"study {study.study_name} in {storage_name(study)}", is_shared=True)
