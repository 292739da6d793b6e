"""A store that is away, comes back, hangs or refuses never harms the search."""

from __future__ import annotations

import itertools
import socket
import threading
import time
import warnings

import mlflow
import pytest
from mlflow.utils import rest_utils
from mlflow_proxy import mlflow_proxy
from tracking_harness import (
    FakeRun,
    all_runs,
    children,
    in_experiment,
    loss_of,
    only_parent,
    run_in_worker,
    runs_below,
    use_store,
)

from hyperbridge.documents import Trial, TrialEnd
from hyperbridge.errors import TrackingWarning
from hyperbridge.tracking.tracker import MlflowTracker


def tracking_warnings(caught) -> list[str]:
    return [str(w.message) for w in caught if issubclass(w.category, TrackingWarning)]


@pytest.mark.slow
def test_a_server_that_was_killed_and_came_back_holds_everything(own_server):
    own_server.start()
    use_store(own_server.uri)
    durations = {}

    def objective(assignment):
        if assignment["C"] == 1.0:
            own_server.kill()
        if assignment["C"] == 3.0:  # started without a run; the store is back when it logs
            own_server.start()
            with mlflow.start_run(nested=True):
                mlflow.log_metric("score", 3.0)
        return assignment["C"]

    run = FakeRun(tracker=MlflowTracker(patience_s=90.0), before_end=lambda: None)
    start = run.tracker.trial_starting

    def timed_start(trial):
        began = time.monotonic()
        try:
            return start(trial)
        finally:
            durations[trial.tid] = time.monotonic() - began

    run.tracker.trial_starting = timed_start
    with pytest.warns(TrackingWarning) as caught:
        run(objective, [{"C": float(n)} for n in range(6)])
    assert len(tracking_warnings(caught)) == 1
    assert "does not answer" in tracking_warnings(caught)[0]
    assert max(durations.values()) < 5.0
    parent = only_parent()
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["total_trials_count"] == 6.0
    found = children(parent)
    assert {tid: child.info.status for tid, child in found.items()} == dict.fromkeys(
        range(6), "FINISHED"
    )
    assert len(all_runs()) == 7
    assert {tid: child.data.metrics["loss"] for tid, child in found.items()} == {
        n: float(n) for n in range(6)
    }
    assert found[3].data.metrics["score"] == 3.0
    assert found[2].info.end_time <= found[4].info.start_time


@pytest.mark.slow
def test_a_server_that_is_up_only_at_the_end_gets_all_runs_late(own_server):
    mlflow.set_tracking_uri(own_server.uri)
    run = FakeRun(tracker=MlflowTracker(patience_s=90.0), before_end=own_server.launch)
    with pytest.warns(TrackingWarning) as caught:
        run(lambda assignment: assignment["C"], [{"C": 0.5}, {"C": 0.25}])
    assert len(tracking_warnings(caught)) == 1
    parent = only_parent()
    assert parent.info.status == "FINISHED"
    assert parent.data.params["algo"] == "hyperopt.tpe"
    assert parent.data.metrics["best_trial_loss"] == 0.25
    found = children(parent)
    assert {tid: child.info.status for tid, child in found.items()} == {
        0: "FINISHED",
        1: "FINISHED",
    }
    assert parent.info.start_time <= found[0].info.start_time <= found[0].info.end_time
    assert parent.info.end_time >= found[1].info.end_time


def test_a_server_that_never_answers_costs_only_the_patience(own_server):
    mlflow.set_tracking_uri(own_server.uri)  # nothing listens there
    request_code = rest_utils.http_request.__code__
    run = FakeRun(tracker=MlflowTracker(patience_s=1.0), parallelism=2)
    began = time.monotonic()
    with pytest.warns(TrackingWarning) as caught:
        run(lambda assignment: assignment["C"], [{"C": 0.5}] * 8)
    assert time.monotonic() - began < 8.0
    away, given_up = tracking_warnings(caught)
    assert "The search goes on" in away
    assert "trial 7" in given_up
    assert [end.loss for end in run.ends] == [0.5] * 8
    assert rest_utils.http_request.__code__ is request_code
    assert not [t for t in threading.enumerate() if t.name.startswith("hyperbridge")]


def test_a_server_that_hangs_holds_up_only_the_first_trials(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        mlflow.set_tracking_uri(f"http://127.0.0.1:{silent.getsockname()[1]}")
        tracker = MlflowTracker(patience_s=0.5)
        began = time.monotonic()
        with pytest.warns(TrackingWarning):
            FakeRun(tracker=tracker)(lambda assignment: assignment["C"], [{"C": 0.5}] * 30)
        assert time.monotonic() - began < 15.0


def test_the_users_own_requests_keep_their_retries(server_store, monkeypatch):
    seen = []
    tracker = MlflowTracker()
    original = rest_utils._get_http_response_with_retries

    def spy(method, url, max_retries, *args, **kwargs):
        seen.append((threading.current_thread().name, max_retries))
        return original(method, url, max_retries, *args, **kwargs)

    monkeypatch.setattr(rest_utils, "_get_http_response_with_retries", spy)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "4")

    def objective(_):
        seen.clear()
        mlflow.log_metric("score", 1.0)
        objective.seen = [retries for name, retries in seen if name == "MainThread"]
        return 0.5

    FakeRun(tracker=tracker)(objective)
    assert objective.seen == [4]
    assert {retries for name, retries in seen if "hyperbridge" in name} == {0}


def test_a_filter_that_turns_warnings_into_errors_does_not_end_the_search(sqlite_store):
    run = FakeRun()
    with warnings.catch_warnings():
        warnings.simplefilter("error", TrackingWarning)
        with pytest.raises(TrackingWarning):
            run(lambda assignment: assignment["x[0]"], [{"x[0]": 0.5}, {"x[0]": 0.25}])
    assert [end.loss for end in run.ends] == [0.5, 0.25]
    assert {run.info.status for run in all_runs()} == {"FINISHED"}


def test_an_experiment_deleted_during_the_search_only_warns(sqlite_store):
    experiment = mlflow.get_experiment_by_name("search").experiment_id

    def objective(assignment):
        if assignment["C"] == 0.0:
            mlflow.delete_experiment(experiment)
        return assignment["C"]

    run = FakeRun()
    with pytest.warns(TrackingWarning, match="refused to log something of trial"):
        run(objective, [{"C": 0.0}, {"C": 1.0}, {"C": 2.0}])
    assert [end.status for end in run.ends] == ["success"] * 3


def test_a_traceback_that_cannot_be_stored_leaves_the_run_ended(tmp_path, sqlite_store):
    (tmp_path / "file").write_text("in the way")
    mlflow.create_experiment("unwritable", artifact_location=f"{tmp_path / 'file'}/artifacts")
    mlflow.set_experiment("unwritable")
    with pytest.warns(TrackingWarning, match="trial 0: NotADirectoryError"):
        FakeRun()(lambda _: 1 / 0)
    child = children(only_parent())[0]
    assert (child.info.status, child.data.tags["trial_status"]) == ("FAILED", "failure")


def test_runs_that_died_with_their_worker_are_ended(tmp_path, sqlite_store):
    def objective(_):
        import os
        import signal

        import mlflow

        mlflow.start_run(nested=True)
        mlflow.start_run(nested=True, run_name="grandchild")
        os.kill(os.getpid(), signal.SIGKILL)

    run_in_worker(tmp_path, FakeRun(), [objective], may_die=True)
    (child,) = runs_below(only_parent())
    (grandchild,) = runs_below(child)
    assert (child.info.status, grandchild.info.status) == ("FAILED", "KILLED")
    assert grandchild.info.run_name == "grandchild"


def test_a_trial_cancelled_while_its_run_is_being_created_is_ended(sqlite_store):
    run = FakeRun()
    trial = Trial(3, {"C": 1.0}, {"misc": {}})

    def cancel_during_creation():
        store = run.tracker._store
        create, creating, over = store.create_run, threading.Event(), threading.Event()

        def slow_create(*args, **kwargs):
            creating.set()
            assert over.wait(60)
            return create(*args, **kwargs)

        store.create_run = slow_create
        thread = threading.Thread(target=run.tracker.trial_starting, args=(trial,))
        thread.start()
        assert creating.wait(60)
        run.finish(TrialEnd(trial, "cancelled"))
        over.set()

    run.before_end = cancel_during_creation
    run(lambda _: 0.5)
    assert {tid: child.info.status for tid, child in children(only_parent()).items()} == {
        0: "FINISHED",
        3: "KILLED",
    }


def test_ctrl_c_while_flushing_still_ends_threads_and_the_parent(sqlite_store, monkeypatch):
    run = FakeRun()

    def interrupt_the_flush():
        def interrupted(patience_s):
            raise KeyboardInterrupt

        monkeypatch.setattr(run.tracker._logger, "flush", interrupted)

    run.before_end = interrupt_the_flush
    with pytest.raises(KeyboardInterrupt):
        run(lambda _: 0.5)
    assert only_parent().info.status == "FINISHED"
    assert mlflow.active_run() is None
    assert not [t for t in threading.enumerate() if t.name.startswith("hyperbridge")]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_store_that_refuses_every_third_request_loses_nothing(mlflow_server, request, code):
    count = itertools.count()
    lock = threading.Lock()

    def judge(path: str) -> int | None:
        with lock:
            return code if next(count) % 3 == 2 else None

    use_store(mlflow_server.uri, name=request.node.name)
    with mlflow_proxy(mlflow_server.uri, judge) as uri:
        mlflow.set_tracking_uri(uri)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrackingWarning)
            FakeRun(parallelism=3)(loss_of, [{"C": float(n)} for n in range(8)])
    mlflow.set_tracking_uri(mlflow_server.uri)
    runs = in_experiment(request.node.name)
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    found = {int(r.data.tags["hyperbridge.tid"]): r for r in runs if r is not parent}
    assert {tid: run.data.metrics for tid, run in found.items()} == {
        n: {"loss": float(n)} for n in range(8)
    }
    assert {run.data.tags["mlflow.parentRunId"] for run in found.values()} == {parent.info.run_id}
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert parent.data.metrics["total_trials_count"] == 8.0
    assert parent.data.metrics["best_trial_loss"] == 0.0


@pytest.mark.parametrize("where", ["thread", "worker"])
def test_threads_with_autologging_log_into_their_trials_run(tmp_path, sqlite_store, where):
    def objective(_):
        from concurrent.futures import ThreadPoolExecutor

        import mlflow
        from sklearn.linear_model import LogisticRegression

        mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
        try:
            with ThreadPoolExecutor(1) as executor:
                model = LogisticRegression(C=0.7)
                executor.submit(model.fit, [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]).result()
        finally:
            mlflow.sklearn.autolog(disable=True)
        return 0.5

    if where == "thread":
        FakeRun()(objective)
    else:
        (outcome,) = run_in_worker(tmp_path, FakeRun(), [objective])
        assert outcome.value == 0.5
    (child,) = runs_below(only_parent())
    assert child.data.params["C"] == "0.7"
    assert child.data.params["max_iter"] == "100"
    assert {run.info.status for run in all_runs()} == {"FINISHED"}
    assert len(all_runs()) == 2
