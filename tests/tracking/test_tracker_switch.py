"""When tracking is on, and what it costs."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter

import mlflow
import pytest
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from tracking_harness import INFO, FakeRun, children, loss_of, metric_history, only_parent

from hyperbridge.errors import MissingDependencyError, TrackingWarning
from hyperbridge.run.observer import FminEnd
from hyperbridge.tracking import make_tracker, should_track
from hyperbridge.tracking.tracker import MlflowTracker


def test_tracking_is_on_for_remote_trials_and_off_for_local_ones():
    assert should_track(None, remote=True) is True
    assert should_track(None, remote=False) is False
    assert should_track(True, remote=False) is True
    assert should_track(False, remote=True) is False
    assert isinstance(make_tracker(), MlflowTracker)


def test_asking_for_tracking_without_mlflow_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert should_track(None, remote=True) is False
    with pytest.raises(MissingDependencyError, match=r"pip install 'hyperbridge\[mlflow\]'"):
        should_track(True, remote=False)


def test_importing_the_tracker_does_not_import_mlflow():
    code = "import sys, hyperbridge.tracking; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_store_that_refuses_everything_only_warns(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    mlflow.set_tracking_uri("no-such-scheme://x")
    run = FakeRun()
    with pytest.warns(TrackingWarning, match="parent run"):
        run(loss_of)
    assert run.attachment is None
    assert run.ends[0].loss == 0.5


def test_a_run_without_trials_is_finished(sqlite_store):
    tracker = MlflowTracker()
    tracker.run_started(INFO)
    tracker.run_finished(FminEnd(None, 0, 0, 0, 0))
    assert only_parent().info.status == "FINISHED"
    assert only_parent().data.metrics["total_trials_count"] == 0.0


@pytest.fixture
def calls(monkeypatch) -> Counter:
    """Counts the calls that reach the SQLite store."""
    counter: Counter = Counter()
    for name in ("create_run", "get_run", "log_batch", "update_run_info", "set_tag", "log_param"):
        original = getattr(SqlAlchemyStore, name)

        def counted(self, *args, _name=name, _original=original, **kwargs):
            counter[_name] += 1
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(SqlAlchemyStore, name, counted)
    return counter


def test_a_trial_costs_three_calls_to_the_store(sqlite_store, calls):
    with mlflow.start_run():
        FakeRun(parallelism=4)(lambda a: a["C"], [{"C": float(n), "kernel": 1} for n in range(8)])
        parent_calls = 2  # its description and the numbers of trials
        improvements = len(metric_history(mlflow.active_run(), "best_trial_loss"))
        assert calls["create_run"] == 1 + 8
        assert calls["update_run_info"] == 8
        assert 8 + parent_calls < calls["log_batch"] <= 8 + parent_calls + improvements
        assert calls["get_run"] == 1
        assert calls["set_tag"] == calls["log_param"] == 0


def test_a_slow_store_does_not_hold_up_the_next_trial(sqlite_store, monkeypatch):
    original = SqlAlchemyStore.log_batch
    reported = threading.Semaphore(0)

    def slow(self, run_id, **kwargs):
        if kwargs["params"] and kwargs["metrics"]:  # the end of a trial
            assert reported.acquire(timeout=30), "the trial's end waits for the store"
        return original(self, run_id=run_id, **kwargs)

    monkeypatch.setattr(SqlAlchemyStore, "log_batch", slow)
    run = FakeRun()
    finished = run.tracker.trial_finished

    def finish_and_say_so(end):
        finished(end)
        reported.release()

    run.tracker.trial_finished = finish_and_say_so
    run(loss_of, [{"C": 0.5}] * 5)
    assert {child.data.metrics["loss"] for child in children(only_parent()).values()} == {0.5}
