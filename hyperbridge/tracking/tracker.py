"""The MLflow tracker: an observer that keeps a parent run and one child run per trial."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from hyperbridge.documents import Document, Trial, TrialEnd
from hyperbridge.optional import MLFLOW
from hyperbridge.run.observer import FminEnd, FminInfo, TrialAttachment
from hyperbridge.tracking.children import CALL_TAG, Child, ChildRuns
from hyperbridge.tracking.complaints import Complaints
from hyperbridge.tracking.continuing import EarlierRun, earlier_run, is_continued
from hyperbridge.tracking.earlier_children import EarlierChildren
from hyperbridge.tracking.environment import make_attachment
from hyperbridge.tracking.from_documents import counts_of, has_ended, improvements, is_of_search
from hyperbridge.tracking.interrupts import interrupts_deferred
from hyperbridge.tracking.leftovers import (
    end_leftovers,
    end_strays,
    note_closed,
    note_open,
    place_tags,
)
from hyperbridge.tracking.logger import BackgroundLogger
from hyperbridge.tracking.parent import BEST, PARALLELISM, RUN_SOURCE, ParentRun, context_tags
from hyperbridge.tracking.record import Legaliser, starting_tags
from hyperbridge.tracking.store import Store, StoreAwayError

PATIENCE_S = 30.0
"""How long the end of fmin waits for a store that does not answer."""

_PAUSE_S = 2.0
_PAUSE_PER_WAIT = 4.0
_QUICK_S = 1.0


class MlflowTracker:
    """Observer of one call of fmin.

    A child run is created on the thread that starts its trial, because the objective logs into
    it. All else goes through background threads, so no trial waits for another one's
    bookkeeping. While the store is away, trials run on; what is missing is made up for when it
    is back, at the latest in `run_finished`.

    Args:
        patience_s: Seconds that `run_finished` waits for a store that does not answer.

    Examples:
        >>> MlflowTracker(patience_s=5.0).attachment() is None  # before run_started
        True
    """

    name = "MLflow tracking"

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._call = self._fmin_uuid = uuid.uuid4().hex[:6]
        self._is_going_on = False
        self._before: list[Document] = []  # trials of the same parent run that have ended
        self._earlier_children: EarlierChildren | None = None
        self._complaints = Complaints()
        self._lock = threading.Lock()
        self._open: dict[int, Child] = {}
        self._over: set[int] = set()
        self._earlier_run: EarlierRun | None = None
        self._is_on = False
        self._pause_until = 0.0
        self._best: float | None = None
        self._n_finished = 0
        self._history: list[tuple[str, float, int, int]] = []
        self._parallelism: int | None = None  # of an elastic search
        self._attachment: TrialAttachment | None = None
        self._resources = ExitStack()

    # -- Observer --------------------------------------------------------------------------

    def run_started(self, info: FminInfo) -> None:
        """Find or create the parent run. See `Observer.run_started`.

        Raises:
            MissingDependencyError: MLflow is not installed.
        """
        mlflow: Any = MLFLOW.require("Tracking")
        self._decode = info.decode
        self._page = info.page
        try:
            self._open_store(mlflow.get_tracking_uri(), info)
        except Exception as exc:  # noqa: BLE001 - a store plugin may raise anything
            self._resources.close()
            self._complaints.note_refusal("the parent run", exc)
        else:
            self._logger = BackgroundLogger(
                threads=self._store.concurrency,
                on_refusal=lambda job, exc: self._complaints.note_refusal(job.name, exc),
                on_away=lambda job, exc: self._complaints.note_away(job.name, exc),
            )
            self._is_on = True
            note_open(self._fmin_uuid)
            if info.is_elastic:
                self.parallelism_changed(info.actual_parallelism)
            self._see_to_earlier_runs(info)
        self._complaints.issue()

    def attachment(self) -> TrialAttachment | None:
        """Return what surrounds each objective; None when nothing is tracked."""
        return self._attachment

    def trial_starting(self, trial: Trial) -> bytes | None:
        """Create the trial's run, unless the store is away. See `Observer.trial_starting`."""
        if not self._is_on:
            return None
        if self._earlier_children is not None and self._is_going_on:
            self._earlier_children.started_again(trial)
        child = Child(trial, self._tags(trial), _now_ms())
        with child.lock:
            with self._lock:
                if not self._is_on or trial.tid in self._over:
                    return None
                self._open[trial.tid] = child
            if time.monotonic() >= self._pause_until:
                self._create(child)
            return None if child.refused else self._children.token(child)

    def trial_lost(self, trial: Trial) -> None:
        """Delete the run of the attempt that was lost. See `Observer.trial_lost`."""
        with self._lock:
            child = self._open.pop(trial.tid, None)
        if child is not None and not child.refused:
            ended_ms = _now_ms()
            self._logger.submit(
                _name_of(child), last=lambda: self._children.discard(child, ended_ms)
            )

    def trial_finished(self, end: TrialEnd) -> None:
        """Hand the trial's end to the background threads. See `Observer.trial_finished`."""
        if not self._is_on:
            return
        self._n_finished += 1
        self._complete(end)
        loss = end.loss
        if loss is not None and (self._best is None or loss < self._best) and loss == loss:
            self._best = loss
            with self._lock:
                self._history.append((BEST, loss, _now_ms(), self._n_finished))
            self._logger.submit("the parent run", self._log_history)
        self._complaints.issue()

    def parallelism_changed(self, parallelism: int) -> None:
        """Log it, with the time. See `Observer.parallelism_changed`."""
        if not self._is_on:
            return
        self._parallelism = parallelism
        with self._lock:
            self._history.append((PARALLELISM, float(parallelism), _now_ms(), self._n_finished))
        self._logger.submit("the parent run", self._log_history)

    def run_finished(self, end: FminEnd) -> None:
        """Complete and end all runs of ours. See `Observer.run_finished`.

        Ctrl-C during this leaves out what is not needed to end them, and is raised afterwards.
        """
        if self._is_on:
            try:
                with interrupts_deferred(self._logger.hurry):
                    self._finish(end)
            finally:
                note_closed(self._fmin_uuid)
        self._complaints.issue(final=end.error is None)

    # -- steps -----------------------------------------------------------------------------

    def _finish(self, end: FminEnd) -> None:
        with self._lock:
            self._is_on = False
            left = list(self._open.values())
        for child in left:
            self._complete(TrialEnd(child.trial, "cancelled"))
        counts = self._counts(end)
        now_ms = _now_ms()
        submit = self._logger.submit
        submit("the parent run", lambda: self._parent.log_counts(counts, now_ms))
        used = self._parallelism
        if used is not None:
            submit("the parent run", lambda: self._parent.log_parallelism(used))
        if self._page is not None and not isinstance(end.error, KeyboardInterrupt):
            self._log_page(self._page)
        submit("what objectives log in the background", self._store.flush_async)
        submit(
            "runs started by objectives",
            last=lambda: end_strays(self._store, self._experiment_id(), self._fmin_uuid),
        )
        self._flush(_status_of(end.error))

    def _log_page(self, make: Callable[[], str]) -> None:
        try:
            page = make()
        except Exception as exc:  # noqa: BLE001 - what is in the trials may be anything
            self._complaints.note_fault("the report of the search", exc)
            return
        self._logger.submit("the report of the search", lambda: self._parent.log_page(page))

    def _counts(self, end: FminEnd) -> dict[str, int]:
        """Return the numbers of trials of the search, in this call and those before it."""
        before = counts_of(self._before)
        counts = {
            "total": end.total + len(self._before),
            "successful": end.successful + before["success"],
            "failed": end.failed + before["failure"],
            "cancelled": end.cancelled + before["cancelled"],
        }
        if end.reused is not None or before["reused"]:
            counts["reused"] = (end.reused or 0) + before["reused"]
        if end.pruned is not None or before["pruned"]:
            counts["pruned"] = (end.pruned or 0) + before["pruned"]
        return counts

    def _tags(self, trial: Trial) -> dict[str, str]:
        return {**self._common_tags, **starting_tags(trial, self._decode, self._legalise)}

    def _see_to_earlier_runs(self, info: FminInfo) -> None:
        """Have what the earlier calls of the search have left in the store put in order."""
        earlier, submit = self._earlier_run, self._logger.submit
        if earlier is not None and info.earlier is not None:
            ended = [document for document in info.earlier.documents if has_ended(document)]
            children = self._earlier_children = EarlierChildren(
                self._store,
                self._children,
                self._logger,
                fmin_uuid=earlier.fmin_uuid,
                call=self._call,
                ended=ended,
                attachments=info.earlier.attachments,
                began_ms=earlier.began_ms,
                tags=self._tags,
                experiment_id=self._experiment_id
                if self._is_going_on
                else lambda: earlier.experiment_id,
                creates=self._is_going_on,
            )
            submit("runs of earlier calls", last=children.put_in_order)
            if self._is_going_on:
                own = [each for each in ended if is_of_search(each, earlier.began_ms)]
                points = improvements(own)
                self._before, self._n_finished = own, len(own)
                self._best = points[-1][0] if points else None
                submit("the parent run", lambda: self._parent.complete_history(points))
        if info.kept_in:
            submit(
                "runs that an earlier process left open",
                lambda: end_leftovers(
                    self._store,
                    {self._experiment_id()} | ({earlier.experiment_id} if earlier else set()),
                    info.kept_in,
                    put_in_order=None if earlier is None else earlier.fmin_uuid,
                    going_on=earlier.run_id if earlier and self._is_going_on else None,
                ),
            )

    def _experiment_id(self) -> str:
        return self._parent.ensure().info.experiment_id  # type: ignore[no-any-return]

    def _open_store(self, uri: str, info: FminInfo) -> None:
        self._store = Store(uri)
        self._resources.enter_context(self._store.opened())
        earlier = self._earlier_run = earlier_run(info, self._store, uri)
        if earlier is not None and is_continued(earlier, self._store):
            self._is_going_on = True
            self._fmin_uuid = earlier.fmin_uuid
        self._parent = ParentRun(
            self._store, info, self._fmin_uuid, earlier if self._is_going_on else None
        )
        try:
            self._parent.start()
        except StoreAwayError as exc:
            self._complaints.note_away("the parent run", exc)
        self._common_tags = {
            **context_tags(),
            "fmin_uuid": self._fmin_uuid,
            "runSource": RUN_SOURCE,
            **place_tags(info.kept_in),
            **({CALL_TAG: self._call} if self._is_going_on else {}),
        }
        self._legalise = Legaliser(self._complaints)
        self._children = ChildRuns(
            self._store, self._parent, fmin_uuid=self._fmin_uuid, legalise=self._legalise
        )
        run = self._parent.known_run
        self._attachment = make_attachment(
            uri,
            artifact_uri=None if run is None else run.info.artifact_uri,
            complaints=self._complaints,
        )

    def _create(self, child: Child) -> None:
        """Create a trial's run; when the store is away, spare the next trials the wait."""
        began = time.monotonic()
        try:
            try:
                self._children.create(child)
            except StoreAwayError:
                if time.monotonic() - began > _QUICK_S:
                    raise
                # A server that was restarted resets the connections it had: ask once more.
                self._children.create(child)
        except StoreAwayError as exc:
            now = time.monotonic()
            self._pause_until = now + max(_PAUSE_S, _PAUSE_PER_WAIT * (now - began))
            self._complaints.note_away(_name_of(child), exc)
        except Exception as exc:  # noqa: BLE001 - a store plugin may raise anything
            child.refused = True
            self._complaints.note_refusal(_name_of(child), exc)

    def _complete(self, end: TrialEnd) -> None:
        with self._lock:
            self._over.add(end.trial.tid)
            child = self._open.pop(end.trial.tid, None)
        if child is not None and not child.refused:  # else proposed but never started
            steps, last = self._children.complete(child, end, _now_ms())
            self._logger.submit(_name_of(child), *steps, last=last)

    def _log_history(self) -> None:
        with self._lock:
            points, self._history = self._history, []
        if points:
            try:
                self._parent.log_history(points)
            except StoreAwayError:
                with self._lock:
                    self._history = points + self._history
                raise

    def _flush(self, status: str) -> None:
        given_up: list[str] = []
        try:
            given_up += self._logger.flush(self._patience_s)
        finally:
            try:
                self._end_parent(status, given_up)
            finally:
                self._logger.close()
                self._resources.close()
        if given_up:
            self._complaints.note_given_up(given_up)

    def _end_parent(self, status: str, given_up: list[str]) -> None:
        now_ms = _now_ms()
        try:
            self._parent.finish(status)
        except StoreAwayError:
            self._logger.submit(
                "the parent run", last=lambda: self._parent.end_later(status, now_ms)
            )
            given_up += self._logger.flush(0.0 if given_up else self._patience_s)
        except Exception as exc:  # noqa: BLE001 - a store plugin may raise anything
            self._complaints.note_refusal("the parent run", exc)


def _status_of(error: BaseException | None) -> str:
    if error is None:
        return "FINISHED"
    return "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"


def _name_of(child: Child) -> str:
    return f"trial {child.trial.tid}"


def _now_ms() -> int:
    return int(time.time() * 1000)
