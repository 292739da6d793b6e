"""Between Tune's loop, which owns the trials' processes, and the Run, which owns the search.

Tune calls, through the hooks of `hyperbridge.backends.ray.hooks`, always from one thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ray
from ray.exceptions import RayError
from ray.tune import TuneError

from hyperbridge.backends.ray.flights import OVER, Flight, take_over
from hyperbridge.backends.ray.guarding import guarded
from hyperbridge.backends.ray.records import Saved, TrialRecords, attachments_of
from hyperbridge.backends.ray.results import (
    config_of,
    describe_loss,
    error_of,
    metrics_of,
    outcome_of_last,
)
from hyperbridge.backends.ray.trainable import REPORT
from hyperbridge.documents import Document, Outcome, Trial, assignment_of
from hyperbridge.run.dispatch import cancelled
from hyperbridge.run.limits import StopReason
from hyperbridge.run.run import Run
from hyperbridge.run.shipping import unpack_outcome
from hyperbridge.search.base import SearchNotReadyError

FINISHED = "FINISHED"
"""Tune's word of a searcher that has no more trials."""


class Bridge:
    """The state of one experiment, and what happens at each event of Tune's.

    Args:
        run: The Run.
        trials: Its Trials object.
        records: Where documents are written, so that the experiment can be continued.
        saved: What an earlier run of the experiment left; its documents are in the Trials.
        key: Names the run, for the actors.
        runtime: An ObjectRef of the pickled runtime; None when the trainable has its own.
        recipe: How `hyperbridge.backends.ray.reopen` makes a bridge for ``Tuner.restore``.

    Attributes:
        is_interrupted: Tells whether the user has pressed Ctrl-C.
        closes_itself: Whether nobody else calls `close` when the experiment has ended.
        is_closed: Whether it has been.
        error: What ended the experiment, if something did.
        failed: The failed trials' tracebacks by Tune's trial ids.
    """

    def __init__(
        self,
        run: Run,
        trials: Any,
        records: TrialRecords,
        saved: Saved,
        *,
        key: str,
        runtime: Any,
        recipe: Any,
    ) -> None:
        self.run = run
        self.is_interrupted: Callable[[], bool] = lambda: False
        self.closes_itself = False
        self.is_closed = False
        self.error: Exception | None = None
        self.failed: dict[str, str] = {}
        self._trials = trials
        self._recipe = recipe
        self._records = records
        self._saved = saved
        self._key = key
        self._runtime = runtime
        self._flights: dict[str, Flight] = {}
        self._waiting: deque[Trial] = deque()
        self._replays: deque[Document] = deque()
        self._is_open = False
        self._is_stopped_by_rule = False
        self._pool = ThreadPoolExecutor(min(run.capacity, 16), "hyperbridge-ray-begin")

    def __reduce__(self) -> tuple[Any, tuple[Any]]:
        from hyperbridge.backends.ray.reopen import ClosedBridge

        return ClosedBridge, (self._recipe,)

    # -- the beginning ---------------------------------------------------------------------

    def has_work(self) -> bool:
        """Take the trials to begin with from the Run; False when there is nothing to be done."""
        n_lost = sum(document["state"] not in OVER for document in self._saved.documents)
        for _ in range(max(1, n_lost)):
            try:
                trial = self.run.ask()
            except SearchNotReadyError:
                return True  # `suggest` asks again
            if trial is not None:
                self._waiting.append(trial)
        return bool(self._waiting)

    @guarded(lambda: None)
    def step_began(self, trials: list[Any]) -> None:
        """At the first step, take over the trials that Tune has restored."""
        if self._is_open:
            return
        self._is_open = True
        matched = take_over(trials, self._saved, list(self._waiting))
        self._flights.update(matched.shown)
        self._replays.extend(matched.replays)
        for trial_id, trial in matched.again.items():
            self._waiting.remove(trial)
            self._depart(trial_id, trial)

    # -- Searcher --------------------------------------------------------------------------

    @guarded(lambda: FINISHED)
    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the next trial's config, `FINISHED`, or None while all slots are taken."""
        if self._replays:
            document = self._replays.popleft()
            self._flights[trial_id] = Flight(None, replay=metrics_of(document))
            self._records.put(trial_id, document, self._saved.attachments[document["tid"]])
            return config_of(assignment_of(document))
        if len(self._flights) >= self.run.capacity:
            return None
        try:
            trial = self._waiting.popleft() if self._waiting else self.run.ask()
        except SearchNotReadyError:
            return None
        if trial is None:
            return FINISHED
        self._depart(trial_id, trial)
        return config_of(trial.assignment)

    def _depart(self, trial_id: str, trial: Trial) -> None:
        self._flights[trial_id] = Flight(trial, tokens=self._pool.submit(self.run.begin, trial))
        self._records.put(trial_id, trial.document, {})

    # -- Callback --------------------------------------------------------------------------

    @guarded(lambda: None)
    def started(self, trial: Any) -> None:
        """Tell the actor which trial it runs; Tune starts it after this."""
        actor = trial.temporary_state.ray_actor
        flight = self._flights.get(trial.trial_id)
        if flight is None or flight.trial is None or flight.tokens is None:
            shown = {} if flight is None or flight.replay is None else flight.replay
            actor.begin.remote({"replay": shown})
            return
        flight.actor = actor
        flight.tune_trial = trial
        flight.starts += 1
        message = (flight.trial.tid, flight.trial.assignment, flight.tokens.result())
        facts: dict[str, Any] = {"key": self._key, "message": message}
        if trial.max_failures < 0 or flight.starts <= trial.max_failures:
            facts["may_retry"] = True
        if self._runtime is not None:
            facts["runtime"] = [self._runtime]
        actor.begin.remote(facts)

    @guarded(lambda: None)
    def reported(self, trial: Any, result: dict[str, Any]) -> None:
        """Take a trial's report out of a result, and put in what people want to see."""
        report = result.pop(REPORT, None)
        flight = self._flights.get(trial.trial_id)
        if flight is not None and flight.trial is None:
            del self._flights[trial.trial_id]
        if report is None or flight is None or flight.trial is None:
            return
        try:
            outcome = unpack_outcome(ray.get(report[0]) if isinstance(report, list) else report)
        except RayError as exc:  # the node with the report has gone since
            outcome = describe_loss(exc)
        self._land(trial, outcome)
        result.update(metrics_of(flight.trial.document))

    @guarded(lambda: None)
    def ended(self, trial: Any) -> None:
        """Settle a trial that Tune's scheduler, or a stop rule, ended before it returned."""
        flight = self._flights.get(trial.trial_id)
        if flight is not None and flight.trial is not None:
            self._land(trial, outcome_of_last(trial.last_result))

    @guarded(lambda: None)
    def lost(self, trial: Any) -> None:
        """Settle a trial whose process or node is gone."""
        flight = self._flights.get(trial.trial_id)
        if flight is not None and flight.trial is not None:
            self._land(trial, describe_loss(error_of(trial)))

    def _land(self, tune_trial: Any, outcome: Outcome) -> None:
        flight = self._flights.pop(tune_trial.trial_id)
        assert flight.trial is not None  # as the callers have seen
        if outcome.kind == "raised" and outcome.failure is not None:
            self.failed[tune_trial.trial_id] = outcome.failure.traceback
            tune_trial.handle_error(TuneError(outcome.failure.traceback))
        try:
            self.run.tell(flight.trial, outcome)
        finally:
            self._record(tune_trial.trial_id, flight.trial.document)

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
        for flight in self._flights.values():
            if flight.actor is not None:
                ray.kill(flight.actor)
                flight.actor = None

    def saving(self) -> None:
        """When Tune saves its state for the last time after Ctrl-C, end what runs."""
        if self.is_interrupted():
            self.run.abort(KeyboardInterrupt())
            self.kill()

    def experiment_ended(self) -> None:
        """Close a bridge that ``Tuner.restore`` opened."""
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
        is_interrupted = reason in (None, StopReason.USER, StopReason.ERROR) and not by_rule
        text = reason.value if reason is not None and not by_rule else "stopped by Ray Tune"
        left = [("", Flight(trial)) for trial in self._waiting]
        left += self._flights.items()
        self._flights.clear()
        self._waiting.clear()
        try:
            for trial_id, flight in left:
                if flight.trial is None:
                    continue
                outcome = cancelled(text)
                if by_rule and flight.tune_trial is not None:
                    outcome = outcome_of_last(flight.tune_trial.last_result)
                self.run.settle(flight.trial, outcome)
                if not is_interrupted and trial_id:
                    self._record(trial_id, flight.trial.document)
        finally:
            self._pool.shutdown()
            self._records.close()
