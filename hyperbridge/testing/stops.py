"""Ends before the last trial, with trials that take long."""

from __future__ import annotations

import os
import signal
import time
from datetime import timezone
from pathlib import Path
from typing import Any

import pytest
from hyperopt import hp, rand
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_NEW
from hyperopt.exceptions import AllTrialsFailed

from hyperbridge.errors import InvalidArgumentError, UnsupportedArgumentError
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials
from hyperbridge.testing.basis import Basis, our_threads, sleep_below_zero
from hyperbridge.testing.children import interrupted_script, start_child, stop_child, wait_for


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class StopContract(Basis):
    """Ends before the last trial, with trials that take long."""

    about = "stop"

    def test_a_timeout_cancels_what_runs_and_keeps_what_finished(self, minimise: Any) -> None:
        trials = SparkTrials()
        start = time.monotonic()
        minimise(
            sleep_below_zero(self.long_s), hp.uniform("x", -1e6, 1), max_evals=40,
            timeout=self.timeout_s, trials=trials, points_to_evaluate=[{"x": 1.0}],
        )  # fmt: skip
        assert time.monotonic() - start < self.timeout_s + self.long_s - 1
        assert trials.losses()[:1] == [1.0]
        assert trials.count_successful_trials() == 1
        assert trials.count_cancelled_trials() >= 1
        assert trials.fmin_cancelled_reason == "fmin run timeout"
        assert (trials.fmin_cancelled, trials.stop_reason) == (True, "timeout")
        cancelled = [d for d in trials._dynamic_trials if d["state"] == JOB_STATE_CANCEL]
        assert any("timeout" in d["misc"].get("error", ("", ""))[1] for d in cancelled)
        assert our_threads() == []

    def test_a_timeout_cancels_the_last_trials_too(self, minimise: Any) -> None:
        trials = SparkTrials()
        start = time.monotonic()
        with pytest.raises(AllTrialsFailed, match="stopped: fmin run timeout"):
            minimise(
                sleep_below_zero(self.long_s), hp.uniform("x", -1e6, 1), max_evals=1, timeout=1,
                trials=trials,
            )  # fmt: skip
        assert time.monotonic() - start < 1 + self.long_s - 1
        assert trials.count_cancelled_trials() == 1

    def test_a_trial_is_stopped_at_its_limit_or_the_limit_is_refused(
        self, minimise: Any, tmp_path: Path
    ) -> None:
        """Whatever it does; by the rule of plain Trials too, where a failed trial ends fmin."""
        folder = str(tmp_path)

        def fn(x: float) -> float:
            import contextlib
            import ctypes
            import os
            import signal

            if x < 0:
                with open(os.path.join(folder, str(os.getpid())), "w"):
                    pass
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while x < 0:
                with contextlib.suppress(BaseException):
                    ctypes.PyDLL(None).sleep(600)  # in C, and no other Python thread runs
            return x

        trials = Trials()
        points = [{"x": x} for x in (-1.0, 1.0, 2.0)]

        def search() -> None:
            minimise(
                fn, hp.uniform("x", -5, 5), max_evals=0, points_to_evaluate=points, trials=trials,
                trial_timeout=3,
            )  # fmt: skip

        if self.shares_process:
            with pytest.raises(UnsupportedArgumentError, match='trial_timeout.*workers="proc'):
                search()
            assert {d["state"] for d in trials._dynamic_trials} <= {JOB_STATE_NEW}
            return
        search()
        assert trials.losses() == [1.0, 2.0]
        (hung,) = [d for d in trials._dynamic_trials if d["state"] == JOB_STATE_ERROR]
        name, text = hung["misc"]["error"]
        assert "TrialTimeoutError" in name
        assert "its limit of 3 s (trial_timeout)" in text
        assert "attempts" not in hung["misc"]
        (file,) = tmp_path.iterdir()
        ended = hung["refresh_time"].replace(tzinfo=timezone.utc).timestamp()
        assert 2.5 < ended - file.stat().st_mtime < self.long_s
        deadline = time.monotonic() + 30
        while _is_alive(int(file.name)):
            assert time.monotonic() < deadline, "the worker of a trial over its limit still runs"
            time.sleep(0.1)
        assert our_threads() == []

    def test_an_early_stop_cancels_what_runs(self, minimise: Any) -> None:
        trials = SparkTrials()
        start = time.monotonic()
        minimise(
            sleep_below_zero(self.long_s), hp.uniform("x", -1e6, 1), max_evals=40, trials=trials,
            points_to_evaluate=[{"x": 1.0}], early_stop_fn=lambda t, *a: (True, a),
        )  # fmt: skip
        assert time.monotonic() - start < self.long_s - 1
        assert trials.count_successful_trials() == 1
        assert trials.fmin_cancelled_reason == "early stopping condition"
        assert trials.stop_reason == "early_stop_fn"
        assert our_threads() == []

    def test_the_loss_threshold_cancels_what_runs(self, minimise: Any) -> None:
        trials = SparkTrials(loss_threshold=2.0)
        start = time.monotonic()
        minimise(
            sleep_below_zero(self.long_s), hp.uniform("x", -1e6, 1), max_evals=40, trials=trials,
            points_to_evaluate=[{"x": 1.0}],
        )  # fmt: skip
        assert time.monotonic() - start < self.long_s - 1
        assert trials.count_successful_trials() == 1
        assert (trials.fmin_cancelled, trials.stop_reason) == (False, "loss_threshold")

    def test_what_early_stop_fn_raises_reaches_the_user(self, minimise: Any) -> None:
        def broken(trials: Any, *args: Any) -> Any:
            raise LookupError("no such trial")

        trials = Trials()
        with pytest.raises(LookupError, match="no such trial"):
            minimise(lambda p: p["x"], max_evals=20, early_stop_fn=broken, trials=trials)
        assert any(d["state"] == JOB_STATE_DONE for d in trials.trials)
        assert trials.stop_reason == "error"
        assert our_threads() == []

    def test_an_early_stop_fn_that_returns_no_pair_is_refused(self, minimise: Any) -> None:
        with pytest.raises(InvalidArgumentError, match="early_stop_fn must return"):
            minimise(lambda p: p["x"], max_evals=5, early_stop_fn=lambda t, *a: True)

    def test_what_the_algorithm_raises_reaches_the_user(self, minimise: Any) -> None:
        self.needs_hyperopt_algorithms()

        def broken(new_ids: Any, domain: Any, trials: Any, seed: int) -> Any:
            if new_ids[0] >= 3:
                raise LookupError("out of ideas")
            return rand.suggest(new_ids, domain, trials, seed)

        trials = Trials()
        with pytest.raises(LookupError, match="out of ideas"):
            minimise(lambda p: p["x"], max_evals=20, algo=broken, trials=trials)
        assert not any(d["state"] not in (JOB_STATE_DONE, JOB_STATE_CANCEL)
                       for d in trials._dynamic_trials)  # fmt: skip
        assert our_threads() == []

    def test_an_algorithm_without_further_points_ends_the_search(self, minimise: Any) -> None:
        self.needs_hyperopt_algorithms()

        def three(new_ids: Any, domain: Any, trials: Any, seed: int) -> Any:
            return rand.suggest(new_ids, domain, trials, seed) if new_ids[0] < 3 else []

        trials = Trials()
        minimise(lambda p: p["x"], algo=three, trials=trials, max_evals=20)
        assert len(trials) == 3
        assert (trials.fmin_cancelled_reason, trials.stop_reason) == (None, "search_exhausted")
        minimise(lambda p: p["x"], trials=trials, max_evals=4)
        assert trials.stop_reason == "max_evals"

    @pytest.mark.slow
    def test_ctrl_c_reaches_the_user_at_once_and_leaves_nothing_running(
        self, tmp_path: Path
    ) -> None:
        source = interrupted_script(type(self), after=WHAT_IS_LEFT)
        process = start_child(source, tmp_path)
        try:
            wait_for(tmp_path / "sleeping", process)
            sent = time.time()
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        finally:
            stop_child(process)
        assert "interrupted at" in output, output
        assert process.returncode == 0, output
        caught = float(output.split("interrupted at ")[1].split()[0])
        assert caught - sent < self.interrupted_s
        assert time.time() - sent < 50
        assert "states [2, 4]" in output
        assert "reason fmin run cancelled by user user" in output
        assert "threads []" in output
        assert "jobs []" in output


WHAT_IS_LEFT = """
print("states", sorted({d["state"] for d in trials._dynamic_trials}))
print("reason", trials.fmin_cancelled_reason, trials.stop_reason)
print("threads", [t.name for t in threading.enumerate() if t.name.startswith("hyperbridge")])
jobs = []
try:
    context = spark.sparkContext
    jobs = list(context.statusTracker().getActiveJobsIds())
except NameError:
    pass
print("jobs", jobs, flush=True)
"""
