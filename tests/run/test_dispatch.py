"""The loop between a FminRun and slots: every end of a search, with slots that a test holds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hyperopt import hp, rand
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR

from hyperbridge.documents import Failure, Outcome, Trial
from hyperbridge.errors import WorkerLostError
from hyperbridge.run.capacity import Capacity, watch_slots
from hyperbridge.run.dispatch import Report, Slots, cancelled, drive, overdue
from hyperbridge.run.limits import Limits, StopReason
from hyperbridge.run.objective import Objective
from hyperbridge.run.run import FminRun
from hyperbridge.run.trial_log import TrialLog
from hyperbridge.search.hyperopt_algo import HyperoptSearch, seed_source
from hyperbridge.surface.trials import Trials

Start = Callable[[Trial, Report], None]


class HeldSlots(Slots):
    """Slots that do what the test says when a trial starts."""

    def __init__(self, start: Start, *, can_cancel: bool = True) -> None:
        self._start = start
        self._can_cancel = can_cancel
        self.calls: list[str] = []

    def start(self, trial: Trial, report: Report) -> None:
        self.calls.append(f"start {trial.tid}")
        self._start(trial, report)

    def cancel(self) -> bool:
        self.calls.append("cancel")
        return self._can_cancel

    def close(self) -> None:
        self.calls.append("close")


def make_run(
    trials: Trials, *, capacity: int, is_elastic: bool = False, retries: int = 0, **limits: Any
) -> FminRun:
    log = TrialLog(trials)
    objective = Objective(abs, hp.uniform("x", -1, 1), None)
    seeds = seed_source(np.random.default_rng(0))
    search = HyperoptSearch(rand.suggest, objective.domain, trials, seeds)
    return FminRun(
        log=log, search=search, limits=Limits(**limits), capacity=capacity, tolerant=True,
        spark_trials=False, is_elastic=is_elastic, retries=retries,
    )  # fmt: skip


def returned(value: float) -> Outcome:
    return Outcome("returned", value=value)


def lost() -> Outcome:
    error = WorkerLostError("gone")
    return Outcome("lost", failure=Failure(str(type(error)), "gone", "gone\n", error))


def states(trials: Trials) -> list[int]:
    return [document["state"] for document in trials._dynamic_trials]


def test_a_finished_trial_starts_the_next_one_before_anything_else_ends() -> None:
    trials = Trials()
    reports: list[Callable[[], None]] = []
    slots = HeldSlots(lambda t, report: _serve(t, report))

    def _serve(trial: Trial, report: Report) -> None:
        if trial.tid == 0:  # ends last, after all others have gone through the other slot
            reports.append(lambda: report(trial, returned(0.0)))
            return
        report(trial, returned(float(trial.tid)))
        if trial.tid == 4:
            reports[0]()

    drive(make_run(trials, capacity=2, max_evals=5), slots)
    assert slots.calls == [*(f"start {n}" for n in range(5)), "close"]
    assert states(trials) == [JOB_STATE_DONE] * 5


def test_an_error_of_the_engine_reaches_the_user_and_what_finished_is_kept() -> None:
    trials = Trials()

    def serve(trial: Trial, report: Report) -> None:
        if trial.tid == 2:
            raise LookupError("the engine is broken")
        if trial.tid == 0:
            report(trial, returned(1.0))

    slots = HeldSlots(serve)
    run = make_run(trials, capacity=2, max_evals=9)
    with pytest.raises(LookupError, match="the engine is broken"):
        drive(run, slots)
    assert slots.calls == ["start 0", "start 1", "start 2", "cancel", "close"]
    assert states(trials) == [JOB_STATE_DONE, JOB_STATE_CANCEL, JOB_STATE_CANCEL]
    assert run.stop_reason is StopReason.ERROR


def test_an_error_that_a_slot_reports_ends_the_search_and_is_no_trials_failure() -> None:
    trials = Trials()

    def serve(trial: Trial, report: Report) -> None:
        report(trial, LookupError("lost") if trial.tid == 1 else returned(1.0))

    with pytest.raises(LookupError, match="lost"):
        drive(make_run(trials, capacity=2, max_evals=9), HeldSlots(serve))
    assert states(trials) == [JOB_STATE_DONE, JOB_STATE_CANCEL, JOB_STATE_DONE]
    assert JOB_STATE_CANCEL not in [d["state"] for d in trials.trials]


def test_a_result_that_arrives_while_slots_close_is_kept() -> None:
    trials = Trials()
    late: list[Callable[[], None]] = []

    class Late(HeldSlots):
        def close(self) -> None:
            for report in late:
                report()

    def serve(trial: Trial, report: Report) -> None:
        if trial.tid == 0:
            report(trial, returned(-1.0))
        else:
            late.append(lambda: report(trial, returned(5.0)))

    drive(make_run(trials, capacity=2, max_evals=9, loss_threshold=0.0), Late(serve))
    assert states(trials) == [JOB_STATE_DONE, JOB_STATE_DONE]
    assert trials.losses() == [-1.0, 5.0]


def test_trials_that_cannot_be_cancelled_are_waited_for() -> None:
    trials = Trials()
    gate = threading.Event()
    threads: list[threading.Thread] = []

    class Waiting(HeldSlots):
        def cancel(self) -> bool:
            gate.set()
            return super().cancel()

    def serve(trial: Trial, report: Report) -> None:
        def work() -> None:
            if trial.tid == 1:
                assert gate.wait(60)
            report(trial, returned(-1.0))

        threads.append(threading.Thread(target=work))
        threads[-1].start()

    slots = Waiting(serve, can_cancel=False)
    drive(make_run(trials, capacity=2, max_evals=9, loss_threshold=0.0), slots)
    for thread in threads:
        thread.join()
    assert states(trials)[1] == JOB_STATE_DONE
    assert slots.calls[-2:] == ["cancel", "close"]


def test_a_trial_that_the_engine_cancelled_does_not_end_the_search() -> None:
    trials = Trials()

    def serve(trial: Trial, report: Report) -> None:
        report(trial, cancelled("by somebody else") if trial.tid == 1 else returned(0.0))

    drive(make_run(trials, capacity=1, max_evals=3), HeldSlots(serve))
    assert states(trials) == [JOB_STATE_DONE, JOB_STATE_CANCEL, JOB_STATE_DONE]


def test_slots_that_come_have_trials_at_once_and_those_that_go_get_none() -> None:
    trials = Trials()
    run = make_run(trials, capacity=1, is_elastic=True, max_evals=7)
    waiting: list[Callable[[], None]] = []
    at_each_start: list[int] = []

    def serve(trial: Trial, report: Report) -> None:
        waiting.append(lambda: report(trial, returned(0.0)))
        at_each_start.append(len(waiting))
        if trial.tid == 0:  # the loop sleeps on this trial alone, and must be woken
            threading.Timer(0.2, run.resize, [Capacity(2, in_line=1)]).start()
        if trial.tid == 2:
            run.resize(Capacity(1))
        if trial.tid >= 2:
            while waiting:
                waiting.pop(0)()

    drive(run, HeldSlots(serve))
    assert at_each_start == [1, 2, 3, 1, 1, 1, 1]
    assert states(trials) == [JOB_STATE_DONE] * 7
    assert (run.capacity, run.parallelism) == (1, 1)


def test_a_cluster_that_shrinks_keeps_what_runs_and_gets_no_more_until_it_fits() -> None:
    trials = Trials()
    run = make_run(trials, capacity=3, is_elastic=True, max_evals=6)
    running: dict[int, Callable[[], None]] = {}
    seen: list[list[int]] = []

    def serve(trial: Trial, report: Report) -> None:
        running[trial.tid] = lambda: report(trial, returned(0.0))
        seen.append(sorted(running))
        if trial.tid == 2:
            run.resize(Capacity(1))
        if trial.tid >= 2:
            for tid in list(running):
                running.pop(tid)()

    drive(run, HeldSlots(serve))
    assert seen == [[0], [0, 1], [0, 1, 2], [3], [4], [5]]


@pytest.mark.parametrize("is_elastic", [False, True])
def test_an_elastic_search_is_never_the_serial_loop(is_elastic: bool) -> None:
    trials = Trials()
    heard: list[Any] = []

    def stop(known: Any, *args: Any) -> Any:
        heard.append(known is trials)
        return False, args

    run = make_run(
        trials, capacity=1, is_elastic=is_elastic, max_evals=4, early_stop=stop, max_queue_len=2
    )
    drive(run, HeldSlots(lambda trial, report: report(trial, returned(0.0))))
    # hyperopt's serial loop asks after each batch, of two here; others after each trial
    assert heard == ([False] * 4 if is_elastic else [True] * 2)


def test_the_watch_on_the_slots_says_what_follows_and_survives_what_an_engine_raises() -> None:
    heard: list[Capacity] = []
    answers = iter([8, RuntimeError("busy"), 2])
    has_all = threading.Event()

    def count() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def resize(capacity: Capacity) -> None:
        heard.append(capacity)
        if len(heard) == 2:
            has_all.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hyperbridge.run.capacity.LOOK_S", 0.01)
        with watch_slots(count, 64, resize, name="hyperbridge-test"):
            assert has_all.wait(60)
    assert heard == [Capacity(8, in_line=4), Capacity(2, in_line=1)]
    assert "hyperbridge-test" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_lost_trial_is_started_again_as_often_as_retries_say(
    retries: int, caplog: pytest.LogCaptureFixture
) -> None:
    trials = Trials()
    slots = HeldSlots(lambda t, report: report(t, lost() if t.tid == 1 else returned(1.0)))
    drive(make_run(trials, capacity=1, retries=retries, max_evals=3), slots)
    assert slots.calls == ["start 0", *["start 1"] * (1 + retries), "start 2", "close"]
    assert states(trials) == [JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_DONE]
    attempts = [d["misc"].get("attempts", 1) for d in trials._dynamic_trials]
    assert attempts == [1, 1 + retries, 1]
    assert caplog.text.count("trial 1 is started again") == retries


def test_a_trial_that_is_lost_once_keeps_its_slot_and_nothing_of_its_first_attempt() -> None:
    trials = Trials()
    outcomes = {0: [lost(), returned(5.0)], 1: [returned(2.0)]}
    slots = HeldSlots(lambda t, report: report(t, outcomes[t.tid].pop(0)))
    drive(make_run(trials, capacity=2, retries=1, max_evals=2), slots)
    assert slots.calls == ["start 0", "start 1", "start 0", "close"]
    assert trials.losses() == [5.0, 2.0]
    assert "error" not in trials.trials[0]["misc"]


def test_a_trial_that_is_lost_when_the_search_has_stopped_is_not_started_again() -> None:
    trials = Trials()

    def serve(trial: Trial, report: Report) -> None:
        report(trial, returned(-1.0) if trial.tid == 0 else lost())

    slots = HeldSlots(serve)
    drive(make_run(trials, capacity=2, retries=1, max_evals=9, loss_threshold=0.0), slots)
    assert slots.calls == ["start 0", "start 1", "cancel", "close"]
    assert states(trials) == [JOB_STATE_DONE, JOB_STATE_CANCEL]


def test_a_trial_over_its_limit_ends_no_search_of_plain_trials_and_is_not_tried_again() -> None:
    trials = Trials()
    slots = HeldSlots(lambda t, report: report(t, overdue(7) if t.tid == 0 else returned(1.0)))
    run = make_run(trials, capacity=1, retries=1, max_evals=3)
    run._tolerant = False
    drive(run, slots)
    assert slots.calls == ["start 0", "start 1", "start 2", "close"]
    assert states(trials) == [JOB_STATE_ERROR, JOB_STATE_DONE, JOB_STATE_DONE]
    assert "limit of 7 s" in trials._dynamic_trials[0]["misc"]["error"][1]
