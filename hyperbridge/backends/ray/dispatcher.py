"""Between Tune's loop, which owns the trials' processes, and the FminRun, which owns the search.

Tune calls, through the hooks of `hyperbridge.backends.ray.hooks`, always from one thread.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ray
from hyperopt.base import JOB_STATE_ERROR
from ray.exceptions import RayError

from hyperbridge.backends.ray.dispatched import FINAL_STATES, Dispatched, match_restored
from hyperbridge.backends.ray.internals import actor_of, error_of, show_failure
from hyperbridge.backends.ray.records import Saved, TrialRecords
from hyperbridge.backends.ray.results import (
    config_of,
    metrics_of,
    outcome_of_error,
    outcome_of_last,
)
from hyperbridge.backends.ray.trainable import REPORT
from hyperbridge.documents import Document, Outcome, Trial, assignment_of, attachments_of
from hyperbridge.run.dispatch import cancelled, overdue
from hyperbridge.run.limits import StopReason
from hyperbridge.run.run import FminRun
from hyperbridge.run.shipping import unpack_outcome
from hyperbridge.search.base import SearchNotReadyError

logger = logging.getLogger(__name__)

FINISHED = "FINISHED"
"""Tune's word of a searcher that has no more trials."""


class TrialDispatcher:
    """The state of one experiment, and what happens at each event of Tune's.

    Args:
        run: The FminRun.
        trials: Its Trials object.
        records: Where documents are written, so that the experiment can be continued.
        saved: What an earlier run of the experiment left; its documents are in the Trials.
        key: Names the run, for the actors.
        runtime: An ObjectRef of the pickled runtime; None when the trainable has its own.
        rules: One stopper for the user's stop rules, or None.
        in_pickles: Stands for this object in a pickle, where nothing of it can go on.
        retries_raised: Whether Tune also retries what the objective raises: the user's own
            FailureConfig says so. Else it retries what was lost alone.

    Attributes:
        rules: As given.
        is_interrupted: Tells whether the user has pressed Ctrl-C.
        closes_itself: Whether nobody else calls `close` when the experiment has ended.
        is_closed: Whether `close` has been called.
        error: What ended the experiment, if something did.
        failed: Tracebacks by Tune's trial ids, of failed trials whose processes did not end.
    """

    def __init__(
        self,
        run: FminRun,
        trials: Any,
        records: TrialRecords,
        saved: Saved,
        *,
        key: str,
        runtime: Any,
        rules: Any,
        in_pickles: Any,
        retries_raised: bool,
    ) -> None:
        self.run = run
        self.rules = rules
        self.is_interrupted: Callable[[], bool] = lambda: False
        self.closes_itself = False
        self.is_closed = False
        self.error: Exception | None = None
        self.failed: dict[str, str] = {}
        self._trials = trials
        self._records = records
        self._saved = saved
        self._key = key
        self._runtime = runtime
        self._in_pickles = in_pickles
        self.retries_raised = retries_raised
        self._overdue: dict[str, str] = {}  # tracebacks by Tune's trial ids
        self._dispatched: dict[str, Dispatched] = {}
        self._waiting: deque[Trial] = deque()
        self._missing: deque[Document] = deque()
        self._has_begun = False
        self._is_stopped_by_rule = False
        self._pool = ThreadPoolExecutor(16, "hyperbridge-ray-begin")

    def __reduce__(self) -> tuple[Any, ...]:
        return self._in_pickles.__reduce__()  # type: ignore[no-any-return]

    def guard(self, method: Callable[..., Any], *args: Any, default: Any = None) -> Any:
        """Call a method of ours; an exception ends the experiment and not Tune's loop.

        Tune would wrap what the user's functions (search, early stop) raise, or what is a bug of
        ours. The first exception is kept in `error`, and the session raises it.
        """
        try:
            return method(*args)
        except Exception as exc:
            logger.debug("the experiment ends because of an exception", exc_info=True)
            self.error = self.error or exc
            self.run.abort(exc)
            return default

    # -- the beginning ---------------------------------------------------------------------

    def has_work(self) -> bool:
        """Take the first trials from the FminRun; False when there is nothing to be done."""
        n_lost = sum(document["state"] not in FINAL_STATES for document in self._saved.documents)
        for _ in range(max(1, n_lost)):
            try:
                trial = self.run.ask()
            except SearchNotReadyError:
                return True  # `suggest` asks again
            if trial is not None:
                self._waiting.append(trial)
        return bool(self._waiting)

    def step_began(self, trials: list[Any]) -> None:
        """Stop trials at their limit; at the first step, take up those that Tune has restored."""
        self._stop_overdue()
        if self._has_begun:
            return
        self._has_begun = True
        restored = match_restored(trials, self._saved, list(self._waiting))
        self._dispatched.update(restored.finished)
        self._missing.extend(restored.missing)
        for trial_id, trial in restored.again.items():
            self._waiting.remove(trial)
            self._dispatch(trial_id, trial)

    # -- Searcher --------------------------------------------------------------------------

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the next trial's config, `FINISHED`, or None while there is room for no more."""
        if self._missing:
            document = self._missing.popleft()
            self._dispatched[trial_id] = Dispatched(None, known=metrics_of(document))
            self._records.put(trial_id, document, self._saved.attachments[document["tid"]])
            return config_of(assignment_of(document))
        if len(self._dispatched) >= self.run.capacity:
            return None
        try:
            trial = self._waiting.popleft() if self._waiting else self.run.ask()
        except SearchNotReadyError:
            return None
        if trial is None:
            return FINISHED
        self._dispatch(trial_id, trial)
        return config_of(trial.assignment)

    def _dispatch(self, trial_id: str, trial: Trial) -> None:
        tokens = self._pool.submit(self.run.begin, trial)
        self._dispatched[trial_id] = Dispatched(trial, tokens)
        self._records.put(trial_id, trial.document, {})

    # -- Callback --------------------------------------------------------------------------

    def started(self, tune_trial: Any) -> None:
        """Tell the actor which trial it runs; Tune starts it after this."""
        actor = actor_of(tune_trial)
        dispatched = self._dispatched.get(tune_trial.trial_id)
        if dispatched is None or dispatched.trial is None or dispatched.tokens is None:
            known = None if dispatched is None else dispatched.known
            actor.begin.remote({"known": known or {}})
            return
        dispatched.actor = actor
        dispatched.tune_trial = tune_trial
        dispatched.starts += 1
        trial = dispatched.trial
        facts: dict[str, Any] = {
            "key": self._key,
            "message": (trial.tid, trial.assignment, dispatched.tokens.result()),
            "may_retry": self.retries_raised
            and (tune_trial.max_failures < 0 or dispatched.starts <= tune_trial.max_failures),
        }
        if self._runtime is not None:
            facts["runtime"] = [self._runtime]
        self._time(dispatched, actor.begin.remote(facts))

    def _time(self, dispatched: Dispatched, begins: Any) -> None:
        """Let the limit of a trial count from when its actor has heard of it."""
        limit_s, start = self.run.limits.trial_timeout, dispatched.starts
        dispatched.deadline = None
        if limit_s is None:
            return

        def note(future: Any) -> None:
            if future.exception() is None and dispatched.starts == start:
                dispatched.deadline = time.monotonic() + limit_s

        begins.future().add_done_callback(note)

    def _stop_overdue(self) -> None:
        """Kill the actors of trials that have run for longer than their limit.

        Tune's loop comes by ten times a second, whatever happens.
        """
        limit_s = self.run.limits.trial_timeout
        if limit_s is None:
            return
        now = time.monotonic()
        for dispatched in list(self._dispatched.values()):
            tune_trial, deadline = dispatched.tune_trial, dispatched.deadline
            if deadline is None or now < deadline or tune_trial.status != "RUNNING":
                continue  # a scheduler may have paused it
            outcome = overdue(limit_s)
            assert outcome.failure is not None
            self._overdue[tune_trial.trial_id] = outcome.failure.traceback
            tune_trial.max_failures = 0  # Tune takes it for a trial whose process was lost
            ray.kill(dispatched.actor)
            self._finish(tune_trial, outcome)

    def begins_again(self, tune_trial: Any) -> None:
        """Hear that Tune will start a failed trial anew, in another actor."""
        dispatched = self._dispatched.get(tune_trial.trial_id)
        if dispatched is None or dispatched.trial is None:
            return
        failure = outcome_of_error(error_of(tune_trial)).failure
        dispatched.actor = dispatched.deadline = None
        self.run.begin_again(dispatched.trial, "unknown" if failure is None else failure.message)
        dispatched.tokens = self._pool.submit(self.run.begin, dispatched.trial)
        self._records.put(tune_trial.trial_id, dispatched.trial.document, {})

    def reported(self, tune_trial: Any, result: dict[str, Any]) -> None:
        """Take a trial's report out of a result, and put in what people want to see."""
        report = result.pop(REPORT, None)
        dispatched = self._dispatched.get(tune_trial.trial_id)
        if dispatched is not None and dispatched.trial is None:
            del self._dispatched[tune_trial.trial_id]
        if report is None or dispatched is None or dispatched.trial is None:
            return
        try:
            outcome = unpack_outcome(ray.get(report[0]) if isinstance(report, list) else report)
        except RayError as exc:  # the node with the report has gone since
            outcome = outcome_of_error(exc)
        self._finish(tune_trial, outcome)
        result.update(metrics_of(dispatched.trial.document))

    def ended(self, tune_trial: Any) -> None:
        """Settle a trial that Tune's scheduler, or a stop rule, ended before it returned."""
        self._finish(tune_trial, outcome_of_last(tune_trial.last_result))

    def lost(self, tune_trial: Any) -> None:
        """Settle a trial whose process or node is gone."""
        if tune_trial.trial_id in self._overdue:
            show_failure(tune_trial, self._overdue.pop(tune_trial.trial_id))
        self._finish(tune_trial, outcome_of_error(error_of(tune_trial)))

    def has_failed(self, tune_trial: Any) -> bool:
        """Tell whether a trial failed that Tune takes for a good one: its process did not end."""
        return tune_trial.trial_id in self.failed

    def _finish(self, tune_trial: Any, outcome: Outcome) -> None:
        dispatched = self._dispatched.get(tune_trial.trial_id)
        if dispatched is None or dispatched.trial is None:
            return
        del self._dispatched[tune_trial.trial_id]
        document = dispatched.trial.document
        try:
            self.run.tell(dispatched.trial, outcome)
        finally:
            if document["state"] == JOB_STATE_ERROR and outcome.kind not in ("lost", "overdue"):
                self.failed[tune_trial.trial_id] = document["misc"]["traceback"]
                show_failure(tune_trial, document["misc"]["traceback"])
            self._record(tune_trial.trial_id, document)

    def _record(self, trial_id: str, document: Document) -> None:
        self._records.put(trial_id, document, attachments_of(self._trials, document))

    # -- Stopper, and the end --------------------------------------------------------------

    def should_stop(self) -> bool:
        """Tell whether the experiment is to be stopped now; what runs has been killed then."""
        if self.error is None and not self.run.should_cancel():
            return False
        self.kill()
        return True

    def stopped_by_rule(self) -> None:
        """Hear that a stop rule of the user's ends the experiment."""
        self._is_stopped_by_rule = True

    def kill(self) -> None:
        """Kill the actors that run trials: Tune's own way waits ten seconds for them."""
        for dispatched in self._dispatched.values():
            if dispatched.actor is not None:
                ray.kill(dispatched.actor)
                dispatched.actor = None

    def saving(self) -> None:
        """When Tune saves its state for the last time after Ctrl-C, end what runs."""
        if self.is_interrupted():
            self.run.abort(KeyboardInterrupt())
            self.kill()

    def experiment_ended(self) -> None:
        """Close a dispatcher that ``Tuner.restore`` made."""
        if self.closes_itself:
            self.close()

    def close(self) -> None:
        """Settle the trials that Tune ended without a word, and write all records.

        Trials cut off by the user or by an error are run again when the experiment is continued.
        Those that a stop rule of the user's ended count by the loss that they reported last.
        """
        self.is_closed = True
        reason = self.run.stop_reason
        by_rule = self._is_stopped_by_rule and (reason is None or not reason.cancels_running)
        is_cut_off = reason in (None, StopReason.USER, StopReason.ERROR) and not by_rule
        text = reason.value if reason is not None and not by_rule else "stopped by Ray Tune"
        left = [("", Dispatched(trial)) for trial in self._waiting]
        left += self._dispatched.items()
        self._dispatched.clear()
        self._waiting.clear()
        try:
            for trial_id, dispatched in left:
                if dispatched.trial is None:
                    continue
                outcome = cancelled(text)
                if by_rule and dispatched.tune_trial is not None:
                    outcome = outcome_of_last(dispatched.tune_trial.last_result)
                self.run.settle(dispatched.trial, outcome)
                if not is_cut_off and trial_id:
                    self._record(trial_id, dispatched.trial.document)
        finally:
            self._pool.shutdown()
            self._records.close()
