"""One call of fmin as a state machine that a backend asks for trials and tells outcomes.

Everything that must be the same on every backend happens here, once: which trial is next,
what a result means, when to stop, what the documents hold, what observers hear.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar, cast

from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_RUNNING

from hyperbridge.config import keeps_trial_logs
from hyperbridge.documents import (
    LOG,
    Document,
    Failure,
    Outcome,
    Report,
    Trial,
    TrialEnd,
    assignment_of,
    attachments_of,
    attempt_of,
    reports_of,
    was_pruned,
)
from hyperbridge.errors import HyperbridgeError
from hyperbridge.pruning.rules import NoRule
from hyperbridge.run.capacity import Capacity
from hyperbridge.run.early_stop import EarlyStopCheck
from hyperbridge.run.keeping import Keepers
from hyperbridge.run.limits import Limits, StopReason
from hyperbridge.run.observer import FminEnd, FminInfo, Observer, TrialAttachment
from hyperbridge.run.observers import Observers
from hyperbridge.run.pruning import Pruning
from hyperbridge.run.recording import Recorder
from hyperbridge.run.trial_log import TrialLog
from hyperbridge.run.why_stopped import log_stop, note_stop
from hyperbridge.search.base import Search, SearchNotReadyError
from hyperbridge.search.known_points import KnownPoints
from hyperbridge.worker.frames import cut_traceback

logger = logging.getLogger(__name__)

_LONGEST_TIMEOUT_S = 1e12
_MOST_REUSED = 1_000  # in a row, where nothing but a new point would end the search

T = TypeVar("T")


class ObjectiveRaisedError(HyperbridgeError, RuntimeError):
    """The objective raised, on a worker, an exception that cannot be rebuilt here."""


class FminRun:
    """One call of fmin.

    A backend calls `ask` for the next trial, `begin` right before it sends it off, and `tell`
    when it has its outcome; it looks at `stop_reason` and `remaining_s` to know when to give
    up waiting. `ask`, `tell` and `resize` may be called from any thread; they exclude each other.

    Args:
        log: The Trials object, wrapped.
        search: Where new points come from.
        limits: When to stop.
        capacity: How many trials may be with the engine at once, to begin with; 1 makes the
            FminRun follow hyperopt's serial loop to the letter, unless it is elastic.
        in_line: How many of them wait for a slot.
        is_elastic: Whether the engine may come to have another number of slots, see `resize`. The
            rules of such a search are those for several trials at once, also while there is one.
        tolerant: True for SparkTrials' rule (a failed trial is data and the search goes on),
            False for the rule of plain Trials (fmin raises).
        spark_trials: True when the Trials object is a SparkTrials: errors are written and the
            early stop function is called the way SparkTrials does.
        observers: Told of everything, in order.
        keepers: Keep the trials on disk; None when nothing does.
        is_continued: Whether the search goes on where an interrupted call has left it: no points
            are proposed before the ones that wait are used up, as they would not have been then.
        n_extra: Trials that come on top of ``max_evals``: the user's own points.
        known: Where a trial whose point has a result already takes it from; None to run all.
        retries: How often a trial is started again whose process was lost.
        pruning: Hears what trials report, and says which of them stop; None for no pruner.

    Attributes:
        known: As given.
        capacity: How many trials may be with the engine at once now.
        parallelism: How many of them can run.
        keeps_logs: Whether what the objectives print is kept.
        on_resize: Called, on any thread, when `capacity` has changed.
    """

    def __init__(
        self,
        *,
        log: TrialLog,
        search: Search,
        limits: Limits,
        capacity: int,
        tolerant: bool,
        spark_trials: bool,
        observers: Sequence[Observer] = (),
        keepers: Keepers | None = None,
        is_continued: bool = False,
        n_extra: int = 0,
        in_line: int = 0,
        is_elastic: bool = False,
        known: KnownPoints | None = None,
        retries: int = 0,
        pruning: Pruning | None = None,
    ) -> None:
        self.capacity = capacity
        self.parallelism = capacity - in_line
        self.keeps_logs = keeps_trial_logs()
        self.on_resize: Callable[[], None] = lambda: None
        self._is_serial = capacity == 1 and not is_elastic
        self.limits = limits
        self.n_extra = n_extra
        self.stop_reason: StopReason | None = None
        self.error: BaseException | None = None
        self._log = log
        self._search = search
        self._tolerant = tolerant
        self._spark_trials = spark_trials
        self._retries = retries
        self._observers = Observers(observers)
        self._pruning = Pruning(NoRule()) if pruning is None else pruning
        self._keepers = Keepers() if keepers is None else keepers
        if self._keepers:
            self._pruning.on_report = self._hear
        self.known = known
        self._n_reused = 0
        self._n_reused_in_a_row = 0
        self._lock = threading.RLock()
        self._queue: deque[Document] = deque(log.new_documents())
        n_before = len(log.trials.trials) - len(self._queue)
        self._budget = None if limits.max_evals is None else limits.max_evals + n_extra - n_before
        self._is_exhausted = False
        self._fresh = not is_continued
        self._best_loss = math.inf  # as of the last batch of this FminRun
        self._counts = {"success": 0, "failure": 0, "pruned": 0, "cancelled": 0}
        self._recorder = Recorder(log, self._keepers, spark_trials=spark_trials)
        self._early_stop: EarlyStopCheck | None = None
        if limits.early_stop is not None:
            ok_only = spark_trials or not self._is_serial
            self._early_stop = EarlyStopCheck(limits.early_stop, log.trials, ok_only=ok_only)
        self._deadline: float | None = None
        if limits.timeout is not None:
            self._deadline = time.monotonic() + min(limits.timeout, _LONGEST_TIMEOUT_S)
        note_stop(log.trials, None)

    def observe(self, info: FminInfo, body: Callable[[], None], answer: Callable[[], T]) -> T:
        """Run ``body`` between the observers' start and finish, and return the answer.

        Args:
            info: What the observers are told about this FminRun.
            body: Moves the trials; a backend's work.
            answer: What fmin is about to return, from the trials; called when ``body`` has
                returned and no failure ended the search. If it raises, the observers hear that.

        Raises:
            BaseException: What ``body`` or ``answer`` raised, or the failure that ended the search.
        """
        try:
            self._observers.run_started(info)
            with self._pruning.reachable():
                body()
        except BaseException as exc:
            self.abort(exc)
            raise
        finally:
            try:
                self._finish()
                found = answer() if self.error is None else None
            except BaseException as exc:
                self.error = self.error or exc
                raise
            finally:  # a file that cannot be written must not keep the observers from closing
                self._observers.run_finished(self._totals())
        if self.error is not None:
            raise self.error
        return cast(T, found)

    # -- what a backend asks ---------------------------------------------------------------

    def remaining_s(self) -> float | None:
        """Return the seconds until the timeout (at least 0), or None without one."""
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - time.monotonic())

    def has_nothing_to_do(self) -> bool:
        """Tell whether, before the first trial, earlier ones have used up max_evals."""
        has_asked_for_some = self.limits.max_evals is not None and self.limits.max_evals > 0
        is_spent = self._budget is not None and self._budget <= 0
        return has_asked_for_some and is_spent

    @property
    def first_failure(self) -> Failure | None:
        """Why the first trial failed that did."""
        return self._recorder.first_failure

    @property
    def search(self) -> Search:
        """Where new points come from."""
        return self._search

    def attachments(self) -> list[TrialAttachment | None]:
        """Return what must surround each objective, one entry per token of `begin`."""
        return [*self._observers.attachments(), self._pruning.attachment]

    def ask(self) -> Trial | None:
        """Return the next trial, already marked as running.

        Trials that take the result of an earlier one end here, and are not returned.

        Returns:
            None when nothing is to be started: the FminRun has stopped (`stop_reason` says why).
        """
        with self._lock:
            while (trial := self._next()) is not None and self._reuse(trial):
                continue
            return trial

    def _next(self) -> Trial | None:
        """Return the next trial, marked as running; None when there is none."""
        if self._budget is not None and self._budget <= 0:
            self._stop(StopReason.SEARCH_EXHAUSTED if self._is_exhausted else StopReason.BUDGET)
        else:
            self._check_stop()
        if self.stop_reason is not None:
            return None
        if not self._queue or self._fresh:
            self._fresh = False
            self._refill()
        if not self._queue:
            self._stop(StopReason.SEARCH_EXHAUSTED)
            return None
        document = self._queue[0]
        trial = Trial(document["tid"], assignment_of(document), document)
        self._queue.popleft()
        if self._budget is not None:
            self._budget -= 1
        self._log.start(document)
        self._keepers.started(document)
        try:
            self._search.observe(document)
        except BaseException:
            self._log.finish(document, JOB_STATE_CANCEL)
            raise
        return trial

    def begin(self, trial: Trial) -> list[bytes | None]:
        """Tell the observers that a trial is about to start; return its tokens."""
        return [*self._observers.trial_starting(trial), self._pruning.token(trial)]

    def takes_again(self, trial: Trial, outcome: Outcome) -> bool:
        """Tell whether a trial was lost and is to be started again; `tell` is not called then.

        An exception of the objective's is never a reason to.
        """
        with self._lock:
            if not self._may_try_again(trial, outcome) or self.should_cancel():
                return False
            assert outcome.failure is not None
            self.begin_again(trial, outcome.failure.message)
            return True

    def _may_try_again(self, trial: Trial, outcome: Outcome) -> bool:
        return outcome.kind == "lost" and attempt_of(trial.document) <= self._retries

    def begin_again(self, trial: Trial, reason: str) -> None:
        """Forget what is known of a trial, for its next attempt. `begin` is called again after it.

        Args:
            trial: One that `ask` gave.
            reason: What became of the last attempt.
        """
        with self._lock:
            attempt = attempt_of(trial.document) + 1
            logger.warning("trial %s is started again (attempt %d): %s", trial.tid, attempt, reason)
            self._observers.trial_lost(trial)
            trial.document["misc"]["attempts"] = attempt
            self._log.start(trial.document)
            self._keepers.started(trial.document)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Record the outcome of a trial that `ask` gave, and see whether the FminRun goes on.

        By the rule of plain Trials what is no Exception (SystemExit, KeyboardInterrupt) ends the
        search, tolerant or not; by the rule of SparkTrials it fails its trial alone. A trial that
        ran longer than its limit ends no search by either: nothing was raised that hyperopt knows.

        Raises:
            Exception: Whatever the user's early stop function raised.
        """
        leaving = self._leaving(outcome)
        with self._lock:
            end = self.settle(trial, outcome)
            if leaving is not None:
                self.abort(cut_traceback(leaving))
                return
            is_raised = end.status == "failure" and outcome.kind != "overdue"
            if is_raised and end.failure is not None and not self._tolerant:
                self._fail(end.failure)
            elif not self._is_serial or not self._queue:
                self._end_batch(end)

    def settle(self, trial: Trial, outcome: Outcome) -> TrialEnd:
        """Record the outcome of a trial after the FminRun has stopped: nothing follows from it.

        A trial that raises what ends a search counts as cancelled, as in this process; so does
        one that was lost and would have been started again.
        """
        if self._leaving(outcome) is not None or self._may_try_again(trial, outcome):
            outcome = Outcome("cancelled", failure=outcome.failure, log=outcome.log)
        with self._lock:
            end = self._recorder.record(trial, outcome)
            reports = self._pruning.ended(trial, outcome)
            if reports:
                end = replace(end, reports=reports)
            self._counts[end.status] += 1
            self._keepers.ended(trial.document, end.attachments)
            try:
                self._search.observe(trial.document)
            finally:  # a search that cannot go on must not hide a trial that has ended
                self._observers.trial_finished(end)
            return end

    def note_tracking(self, facts: dict[str, str]) -> None:
        """Keep where the call is tracked. An observer calls it, on any thread.

        Args:
            facts: See `hyperbridge.run.keeping.Earlier`.
        """
        with self._lock:
            self._keepers.tracked(facts)

    def _hear(self, trial: Trial, report: Report) -> None:
        """Keep what a running trial has reported."""
        with self._lock:
            if trial.document["state"] == JOB_STATE_RUNNING:
                self._keepers.reported(trial.document, *report)

    def resize(self, capacity: Capacity) -> None:
        """Hear how many trials the engine has room for now; they never fall below one."""
        with self._lock:
            before = self.capacity, self.parallelism
            self.capacity = capacity.parallelism + capacity.in_line
            self.parallelism = capacity.parallelism
            if self.parallelism != before[1]:
                self._observers.parallelism_changed(self.parallelism)
        if self.capacity != before[0]:
            self.on_resize()

    def _leaving(self, outcome: Outcome) -> BaseException | None:
        """Return what a trial has raised that ends a search, whatever it tolerates."""
        raised = None if outcome.failure is None else outcome.failure.exception
        is_kept = self._spark_trials or raised is None or isinstance(raised, Exception)
        return None if is_kept else raised

    def abort(self, error: BaseException) -> None:
        """Propose no further trial, because fmin is about to raise ``error``."""
        with self._lock:
            if self.stop_reason not in (StopReason.USER, StopReason.ERROR):
                is_user = isinstance(error, KeyboardInterrupt)
                self.stop_reason = StopReason.USER if is_user else StopReason.ERROR
                log_stop(self.stop_reason, spark_trials=self._spark_trials)
            self.error = self.error or error

    def _finish(self) -> None:
        """Settle what was never started, note why the search ended, and save the Trials."""
        with self._lock:
            reason = self.stop_reason or StopReason.ENGINE
            note_stop(self._log.trials, reason)
            if self._spark_trials and self._fresh and self.stop_reason is StopReason.TIMEOUT:
                self._refill()  # hyperopt has proposed its first trials by now; they are cancelled
            if self.stop_reason not in (None, StopReason.ERROR):
                while self._queue:
                    document = self._queue.popleft()
                    self._log.finish(document, JOB_STATE_CANCEL)
                    self._keepers.ended(document, {})
                    self._search.observe(document)
            self._keepers.closed(reason.rule)

    def _totals(self) -> FminEnd:
        return FminEnd(
            error=self.error,
            total=sum(self._counts.values()),
            successful=self._counts["success"],
            failed=self._counts["failure"],
            cancelled=self._counts["cancelled"],
            reused=None if self.known is None else self._n_reused,
            pruned=self._counts["pruned"]
            if self._pruning.is_on or self._counts["pruned"]
            else None,
        )

    # -- proposing -------------------------------------------------------------------------

    def _refill(self) -> None:
        """Propose points until the queue is full, as hyperopt's loop does."""
        while len(self._queue) < self.limits.max_queue_len:
            n = self.limits.max_queue_len - len(self._queue)
            if self._budget is not None:
                n = min(n, self._budget - len(self._queue))
            if n <= 0:
                return
            ids = self._log.new_ids(n)
            try:
                documents = self._search.propose(ids)
            except SearchNotReadyError:
                self._log.give_back(ids)
                if self._queue:
                    return
                raise
            if not documents:
                self._stop_after_queue()
                return
            stored = self._log.insert(documents)
            self._queue.extend(stored)
            self._keepers.proposed(stored)

    def _reuse(self, trial: Trial) -> bool:
        """End a trial by the result that its point has already; False when it has none."""
        earlier = None if self.known is None else self.known.evaluated(trial.document)
        if earlier is None:
            self._n_reused_in_a_row = 0
            return False
        self._n_reused += 1
        self._n_reused_in_a_row += 1
        trial.document["misc"]["reused_from"] = earlier["tid"]
        attachments = attachments_of(self._log.trials, earlier)
        attachments.pop(LOG, None)  # this trial prints nothing
        outcome = Outcome("returned", earlier["result"], attachments=attachments)
        if was_pruned(earlier):
            now_ms = int(time.time() * 1000)
            reports = [(step, loss, now_ms) for step, loss in reports_of(earlier).items()]
            outcome = Outcome("pruned", attachments=attachments, reports=reports)
        self.tell(trial, outcome)
        if self._budget is None and self._n_reused_in_a_row >= _MOST_REUSED:
            logger.warning(
                "the search ends, as max_evals is not set and the last %d points were all known "
                "ones, whose results were reused",
                self._n_reused_in_a_row,
            )
            self._stop(StopReason.SEARCH_EXHAUSTED)
        return True

    def _stop_after_queue(self) -> None:
        """The search is exhausted: run what is queued and no more."""
        self._is_exhausted = True
        self._budget = len(self._queue)

    def _fail(self, failure: Failure) -> None:
        """Stop because of a failed trial, by the rule of plain Trials."""
        error = failure.exception
        if error is None:
            error = ObjectiveRaisedError(f"{failure.message}\n\n{failure.traceback}")
        self.error = self.error or cut_traceback(error)
        self._stop(StopReason.ERROR)

    # -- stopping --------------------------------------------------------------------------

    def _stop(self, reason: StopReason) -> None:
        """Note why no trial is proposed any more; the last ones may still be cancelled then."""
        known = self.stop_reason
        if known is None or (reason.cancels_running and not known.cancels_running):
            self.stop_reason = reason
            log_stop(reason, spark_trials=self._spark_trials)

    def _end_batch(self, end: TrialEnd) -> None:
        """Do what hyperopt does after each batch: ask the early stop function."""
        is_stopping = self.stop_reason is StopReason.EARLY_STOP
        if self._early_stop is not None and not is_stopping and self._early_stop(end):
            self._stop(StopReason.EARLY_STOP)
        self._best_loss = self._log.best_loss()

    def _check_stop(self) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._stop(StopReason.TIMEOUT)
        threshold = self.limits.loss_threshold
        if threshold is not None and self._best_loss < threshold:
            self._stop(StopReason.LOSS_THRESHOLD)

    def should_cancel(self) -> bool:
        """Tell whether trials that still run must be cancelled now."""
        with self._lock:
            self._check_stop()
            return self.stop_reason is not None and self.stop_reason.cancels_running
