"""Search with an Optuna study: ask it for each trial, and tell it each result."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_NEW, JOB_STATE_RUNNING

from hyperbridge.documents import (
    Document,
    Place,
    loss_of,
    misc_of,
    new_document,
    reports_of,
    was_pruned,
)
from hyperbridge.errors import BackendUnavailableError
from hyperbridge.search.base import Search
from hyperbridge.search.optuna.history import (
    FAILURE,
    attributes_of,
    frozen_of,
    state_of,
    value_of,
)
from hyperbridge.search.optuna.locks import Patience, named, storage_name
from hyperbridge.search.optuna.prior import PriorDraws
from hyperbridge.search.optuna.pruners import pruner_of
from hyperbridge.search.optuna.sessions import StudySession, study_session
from hyperbridge.search.optuna.studies import tell
from hyperbridge.space.nodes import Parameter
from hyperbridge.translate.to_optuna import OptunaSpace

if TYPE_CHECKING:
    from hyperbridge.search.optuna.drafts import Drafts

logger = logging.getLogger(__name__)

_GO_ON = (
    "The Trials object has the trials that have ended. To continue, pass it to the same call of "
    "fmin when the storage works again."
)


class OptunaSearch:
    """The search of a FminRun whose trials come from an Optuna study.

    The search ends when the storage fails for the first time. The Trials object still gets every
    trial that has ended. The study gets the missing ones when the search closes, if the storage
    works again by then.

    Args:
        study: The study.
        space: The search space.
        trials: The Trials object of the run.
        name: The search's name in logs and in MLflow.
        prior: Draws the random points; None to let the sampler draw them.
        suggest: Makes the points instead of the study's sampler, and the study only records
            them; None for the sampler.
        at_once: Whether to ask for all parameters of a space without conditions at once, which
            is faster. Grid samplers may raise for a label, and must be asked one by one: the trial
            is known by then, and can be marked as failed.
        is_given: Whether the study is an object of the user's, which is left as it was.
        is_named: Whether the user has chosen the study's name.
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
        is_given: bool = False,
        is_named: bool = False,
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
        self._drafts: Drafts | None = None
        self.is_closed_list = suggest is None and _has_grid(study)
        self._is_exhausted = False
        self._is_given = is_given
        self._is_named = is_named
        self._pruner_before: Any = study.pruner
        self._n_observed = sum(_is_observed(document) for document in trials._dynamic_trials)
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
        """Name the storage in its failures; after the first one, stop waiting for locks."""
        try:
            with named(self.study, advice=_GO_ON):
                yield
        except BackendUnavailableError:
            self._is_lost = True
            self._patience.lose()
            if self._session is not None:
                self._session.is_clean = False
            raise

    def pruned_by(self, pruner: Any) -> tuple[Any, str | None]:
        """Give the study the pruner: samplers look at it. See `Search.pruned_by`.

        A study of the user's brings its own, as Optuna gives every study one.
        """
        if pruner is None:
            pruner = self.study.pruner if self._is_given else None
        else:
            self.study.pruner = pruner_of(pruner)
        return pruner, self.study.study_name if self._is_named else None

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
        self._keep(list(self._asked))
        documents: list[Document] = []
        for tid in new_ids:
            if self._is_exhausted:
                break
            misc = misc_of(tid, self._ask(tid), self._labels)
            documents.append(new_document(tid, misc, self._trials._exp_key))
        return documents

    def _ask(self, tid: int) -> dict[str, Any]:
        """Ask for one trial and return its assignment."""
        study = self.study
        if self._drafts is not None:
            self._drafts.refresh()
            study = self._drafts.study
        if self._prior is not None and self._n_observed < self._prior.n_random:
            study.enqueue_trial(self._prior.params())
        if self._distributions is not None:
            trial = self._asked[tid] = study.ask(self._distributions)
            return self._space.read_params(trial)
        trial = self._asked[tid] = study.ask()
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
            # An expression of the space raised. It raises again where the trial runs, and fails
            # it there, as on every backend.
            logger.debug("trial %s: the space raised %r", tid, exc)
        return assignment

    def expect_withdrawals(self) -> None:
        """Let new trials be drafts. See `Search.expect_withdrawals`.

        Not those of a grid, whose sampler has to see in the study which of its points it has
        proposed.
        """
        if self._suggest is None and not self.is_closed_list:
            from hyperbridge.search.optuna.drafts import Drafts

            with self._storage():
                self._drafts = Drafts(self.study)

    def withdraw(self, document: Document) -> None:
        """Drop a draft; fail a trial that the study has. See `Search.withdraw`."""
        trial = self._asked.pop(document["tid"], None)
        if trial is None:
            return
        if self._drafts is not None and self._drafts.has(trial):
            self._drafts.drop(trial)
            return
        from optuna.trial import TrialState

        with self._storage():
            trial.set_user_attr(FAILURE, ["cancelled", "", "the same point as an earlier trial's"])
            self._end(trial, None, TrialState.FAIL)

    def _keep(self, tids: Sequence[int]) -> None:
        """Make trials of the study of those drafts that were not withdrawn."""
        if self._drafts is not None:
            for tid in tids:
                trial = self._asked.get(tid)
                if trial is not None and self._drafts.has(trial):
                    self._drafts.keep(trial)

    def observe(self, document: Document) -> None:
        """Tell the study about a trial that ended. See `Search.observe`.

        Raises:
            BackendUnavailableError: The study's storage failed. It is raised once, not for
                further trials.
        """
        if self._suggest is not None:
            self._suggest.observe(document)
        state = document["state"]
        if self._drafts is not None and not self._is_lost:
            with self._storage():
                self._keep([document["tid"]])
        if state in (JOB_STATE_NEW, JOB_STATE_RUNNING):
            return
        self._n_observed += _is_observed(document)
        self._unwritten.append(document)
        if not self._is_lost:
            with self._storage():
                self._write()

    def _write(self) -> None:
        """Write the trials that have ended to the study."""
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

        for step, loss in reports_of(document).items():
            trial.report(loss, step)
        for name, value in attributes_of(document).items():
            trial.set_user_attr(name, value)
        state = state_of(document)
        value = None if state == "PRUNED" else value_of(document)  # a study takes the last report
        self._end(trial, value, TrialState[state])

    def _end(self, trial: Any, loss: float | None, state: Any) -> None:
        try:
            tell(self.study, trial, loss, state)
        except RuntimeError as exc:
            # Grid and brute-force samplers call Study.stop() when they have nothing left. That is
            # only allowed inside of Study.optimize. The study knows the result by then.
            if "Study.stop" not in str(exc):
                raise
            self._is_exhausted = True

    def _record(self, document: Document) -> None:
        """Add a trial that does not come from the study, such as a point of the user's."""
        try:
            frozen = frozen_of(document, self._space)
        except (LookupError, TypeError, ValueError) as exc:
            logger.warning("trial %s is not in the study: %s", document["tid"], exc)
            return
        self.study.add_trial(frozen)

    def close(self) -> None:
        """Fail the trials that never ended, so that no trial of the study stays running.

        If the storage fails, the next call that uses the study does it.
        """
        from optuna.trial import TrialState

        try:
            with self._storage():
                self._write()
                self._keep(list(self._asked))
                for trial in self._asked.values():
                    self._end(trial, None, TrialState.FAIL)
                self._entered.close()
        except BackendUnavailableError as exc:
            logger.warning("the study may miss trials: %s", exc)
        finally:
            if self._is_given:
                self.study.pruner = self._pruner_before
            self._asked.clear()
            self._unwritten.clear()
            self._entered.close()
            self._resources.close()


def _has_grid(study: Any) -> bool:
    from optuna.samplers import GridSampler

    return isinstance(study.sampler, GridSampler)


def _is_observed(document: Document) -> bool:
    """Tell whether a sampler learns from a trial."""
    return was_pruned(document) or loss_of(document) is not None


def _place_of(study: Any) -> Place | None:
    from optuna.storages import InMemoryStorage

    if isinstance(study._storage, InMemoryStorage):
        return None
    return Place(f"study {study.study_name} in {storage_name(study)}", is_shared=True)
