"""What the parent run and the child runs hold."""

from __future__ import annotations

import math
import random
import re
import threading
import time
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from tracking_harness import (
    INFO,
    FakeRun,
    children,
    in_experiment,
    loss_of,
    metric_history,
    only_parent,
    parents,
    runs_below,
)

from hyperbridge.documents import Trial, TrialEnd
from hyperbridge.errors import TrackingWarning


def test_a_search_without_an_active_run_gets_a_parent_run_of_its_own(any_store, request):
    FakeRun(parallelism=2)(loss_of, [{"C": 0.5}, {"C": 0.25}, {"C": 0.75}])
    name = "search" if "sqlite" in any_store else request.node.name
    runs = in_experiment(name)
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert parent.info.status == "FINISHED"
    assert parent.data.params == {
        "max_evals": "8",
        "parallelism": "None",
        "actual_parallelism": "2",
        "timeout": "None",
        "algo": "hyperopt.tpe",
        "max_queue_len": "1",
    }
    tags = parent.data.tags
    assert tags["runSource"] == "hyperoptAutoTracking"
    assert re.fullmatch("[0-9a-f]{6}", tags["fmin_uuid"])
    assert tags["space"] == "0 dict\\n1  C =\\n2   hyperopt_param"
    assert tags["hyperbridge.backend"] == "local"
    assert "hyperbridge.version" in tags
    assert parent.data.metrics == {
        "best_trial_loss": 0.25,
        "total_trials_count": 3.0,
        "successful_trials_count": 3.0,
        "failed_trials_count": 0.0,
        "cancelled_trials_count": 0.0,
    }
    assert len(runs) == 4
    assert mlflow.active_run() is None


def test_a_child_run_holds_the_trial(any_store, request):
    before = int(time.time() * 1000)
    FakeRun()(
        lambda assignment: {"loss": 0.5, "status": "ok", "accuracy": 0.9, "model": object()},
        [{"C": 0.1, "depth": 3.0, "kernel": 1}],
    )
    name = "search" if "sqlite" in any_store else request.node.name
    (child,) = [run for run in in_experiment(name) if "mlflow.parentRunId" in run.data.tags]
    assert child.info.status == "FINISHED"
    assert child.info.run_name == "trial-0"
    assert child.data.params == {"C": "0.1", "depth": "3.0", "kernel": "1"}
    assert child.data.metrics == {"loss": 0.5, "accuracy": 0.9}
    tags = child.data.tags
    assert tags["trial_status"] == "success"
    assert tags["runSource"] == "hyperoptAutoTracking"
    assert re.fullmatch("[0-9a-f]{6}", tags["fmin_uuid"])
    assert tags["hyperbridge.tid"] == "0"
    assert tags["hyperbridge.value.kernel"] == "rbf"
    assert tags["hyperbridge.params"] == '{"C": 0.1, "depth": 3.0, "kernel": 1}'
    assert {"mlflow.user", "mlflow.source.name", "mlflow.source.type"} <= set(tags)
    assert "hyperbridge.result_status" not in tags
    assert before <= child.info.start_time <= child.info.end_time <= time.time() * 1000


def test_the_active_run_is_logged_to_and_left_open(sqlite_store):
    with mlflow.start_run(run_name="mine") as mine:
        mlflow.log_param("timeout", "by me")
        FakeRun()(loss_of)
        assert mlflow.active_run().info.run_id == mine.info.run_id
        run = mlflow.get_run(mine.info.run_id)
        assert run.info.status == "RUNNING"
        assert run.info.run_name == "mine"
        uuid = run.data.tags["fmin_uuid"]
        assert run.data.params["timeout"] == "by me"
        assert run.data.params[f"timeout_{uuid}"] == "None"
        assert run.data.params["max_evals"] == "8"
    assert set(children(only_parent())) == {0}


def test_the_children_are_in_the_experiment_of_the_active_run(sqlite_store):
    elsewhere = mlflow.create_experiment("elsewhere")

    def objective(_):
        for _ in range(2):
            with mlflow.start_run(nested=True):
                mlflow.log_metric("score", 1.0)
        return 0.5

    with mlflow.start_run(experiment_id=elsewhere) as parent:
        FakeRun()(objective)
    (child,) = runs_below(parent)
    (grandchild,) = runs_below(child)
    assert {child.info.experiment_id, grandchild.info.experiment_id} == {elsewhere}


def test_a_run_that_a_launcher_names_is_logged_to_and_left_open(sqlite_store, monkeypatch):
    client = mlflow.MlflowClient()
    experiment = mlflow.get_experiment_by_name("search").experiment_id
    given = client.create_run(experiment).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", given)
    FakeRun()(loss_of)
    mlflow.log_metric("after", 1.0)
    run = only_parent()
    assert (run.info.run_id, run.info.status) == (given, "RUNNING")
    assert run.data.metrics["after"] == 1.0
    assert set(children(run)) == {0}


def test_an_outer_run_below_the_active_one_is_untouched(sqlite_store):
    with mlflow.start_run() as outer, mlflow.start_run(nested=True) as inner:
        FakeRun()(loss_of)
        assert mlflow.active_run().info.run_id == inner.info.run_id
    assert "fmin_uuid" not in mlflow.get_run(outer.info.run_id).data.tags
    assert "fmin_uuid" in mlflow.get_run(inner.info.run_id).data.tags


def test_an_elastic_search_logs_what_it_used_at_the_end_and_its_history(sqlite_store):
    def search(*sizes):
        run = FakeRun(info=replace(INFO, is_elastic=True))
        changes = iter(sizes)

        def objective(_):
            run.tracker.parallelism_changed(next(changes))
            return 0.5

        run(objective, [{"C": 0.5}] * len(sizes))

    with mlflow.start_run() as parent:
        search(4, 3)
        search(2)
    data = mlflow.get_run(parent.info.run_id).data
    used = {k: v for k, v in data.params.items() if k.startswith("actual_parallelism")}
    (second,) = used.keys() - {"actual_parallelism"}
    assert used == {"actual_parallelism": "3", second: "2"}
    assert data.tags[second.replace("actual_parallelism", "fmin_uuid")]
    history = metric_history(parent, "parallelism")
    assert sorted((m.step, m.value) for m in history) == [(0, 1), (0, 4), (1, 1), (1, 2), (1, 3)]
    assert all(m.timestamp >= parent.info.start_time for m in history)
    assert data.metrics["parallelism"] == 2.0


def test_a_later_call_in_the_same_run_overwrites_nothing(sqlite_store):
    with mlflow.start_run() as parent:
        FakeRun()(loss_of, [{"C": 0.5}, {"C": 0.4}])
        first = mlflow.get_run(parent.info.run_id).data
        FakeRun(info=replace(INFO, max_evals=99))(loss_of, [{"C": 0.3}])
        data = mlflow.get_run(parent.info.run_id).data
    later = ({child.data.tags["fmin_uuid"] for child in runs_below(parent)}) - {
        first.tags["fmin_uuid"]
    }
    (uuid,) = later
    assert {name: data.params[name] for name in first.params} == first.params
    assert {name: data.tags[name] for name in first.tags} == first.tags
    assert data.params[f"max_evals_{uuid}"] == "99"
    assert {name for name in data.params if name not in first.params} == {
        f"{name}_{uuid}" for name in first.params
    }
    assert data.tags[f"fmin_uuid_{uuid}"] == uuid
    assert f"space_{uuid}" in data.tags
    assert f"hyperbridge.backend_{uuid}" in data.tags
    assert data.metrics["total_trials_count"] == 1.0
    assert data.metrics["best_trial_loss"] == 0.3
    assert [m.value for m in metric_history(parent, "best_trial_loss")] == [0.5, 0.4, 0.3]


def test_two_calls_at_once_in_one_run_do_not_share_a_name(sqlite_store):
    with mlflow.start_run() as parent:
        run_id = parent.info.run_id
        barrier = threading.Barrier(2)
        errors = []

        def search():
            try:
                with mlflow.start_run(run_id=run_id):
                    barrier.wait(10)
                    FakeRun(parallelism=2)(loss_of, [{"C": 0.5}] * 3)
            except Exception as exc:
                errors.append(exc)

        threads = [threading.Thread(target=search) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
    data = mlflow.get_run(run_id).data
    (suffixed,) = [name for name in data.tags if name.startswith("fmin_uuid_")]
    first, second = data.tags["fmin_uuid"], data.tags[suffixed]
    assert first != second
    assert f"max_evals_{second}" in data.params
    uuids = [child.data.tags["fmin_uuid"] for child in runs_below(parent)]
    assert sorted(uuids) == sorted([first, second] * 3)


def test_two_calls_in_two_threads_have_parents_of_their_own(sqlite_store):
    threads = [
        threading.Thread(target=lambda n=n: FakeRun(parallelism=2)(loss_of, [{"C": float(n)}] * 3))
        for n in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [{run.data.params["C"] for run in runs_below(parent)} for parent in parents()]
    assert sorted(found, key=str) == [{"0.0"}, {"1.0"}]


def test_the_best_loss_has_a_value_at_each_improvement(sqlite_store):
    losses = [0.5, 0.7, math.nan, 0.3, 0.3, 0.1]
    with pytest.warns(TrackingWarning, match="nan"):
        FakeRun()(loss_of, [{"C": loss} for loss in losses])
    history = metric_history(only_parent(), "best_trial_loss")
    assert [(m.value, m.step) for m in history] == [(0.5, 1), (0.3, 4), (0.1, 6)]


def test_a_failed_trial_keeps_its_traceback(any_store, request):
    def objective(assignment):
        if assignment["C"] > 0.5:
            raise ValueError("no convergence")
        return assignment["C"]

    FakeRun()(objective, [{"C": 0.1}, {"C": 0.9}])
    name = "search" if "sqlite" in any_store else request.node.name
    runs = in_experiment(name)
    (failed,) = [run for run in runs if run.data.tags.get("hyperbridge.tid") == "1"]
    assert failed.info.status == "FAILED"
    assert failed.data.tags["trial_status"] == "failure"
    assert failed.data.params == {"C": "0.9"}
    assert "loss" not in failed.data.metrics
    path = mlflow.artifacts.download_artifacts(
        run_id=failed.info.run_id, artifact_path="traceback.txt"
    )
    assert "ValueError: no convergence" in Path(path).read_text()
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["failed_trials_count"] == 1.0


def test_a_result_with_status_fail_is_a_success_that_says_so(sqlite_store):
    FakeRun()(lambda _: {"status": "fail", "why": "diverged", "epochs": 3})
    child = children(only_parent())[0]
    assert child.info.status == "FINISHED"
    assert child.data.tags["trial_status"] == "success"
    assert child.data.tags["hyperbridge.result_status"] == "fail"
    assert child.data.metrics == {"epochs": 3.0}


def test_a_cancelled_trial_is_killed_with_its_params(sqlite_store):
    run = FakeRun()

    def cancel_one():
        trial = Trial(7, {"C": 2.0}, {"misc": {}})
        run.tracker.trial_starting(trial)
        run.finish(TrialEnd(trial, "cancelled"))

    run.before_end = cancel_one
    run(loss_of)
    child = children(only_parent())[7]
    assert (child.info.status, child.data.tags["trial_status"]) == ("KILLED", "cancelled")
    assert child.data.params == {"C": "2.0"}
    assert only_parent().data.metrics["cancelled_trials_count"] == 1.0


def test_a_trial_that_never_started_has_no_run(sqlite_store):
    run = FakeRun()
    run.before_end = lambda: run.finish(TrialEnd(Trial(9, {"C": 1.0}, {"misc": {}}), "cancelled"))
    run(loss_of)
    assert set(children(only_parent())) == {0}


def test_a_trial_cancelled_before_its_start_has_no_run(sqlite_store):
    run = FakeRun()

    def cancel_then_start():
        trial = Trial(9, {"C": 1.0}, {"misc": {}})
        run.finish(TrialEnd(trial, "cancelled"))
        assert run.tracker.trial_starting(trial) is None

    run.before_end = cancel_then_start
    run(loss_of)
    assert set(children(only_parent())) == {0}


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError("x"), "FAILED"), (KeyboardInterrupt(), "KILLED"), (SystemExit(1), "FAILED")],
    ids=["exception", "ctrl-c", "exit"],
)
def test_no_run_is_left_running_when_fmin_raises(sqlite_store, error, status):
    run = FakeRun()

    def leave_one_running():
        run.tracker.trial_starting(Trial(5, {"C": 1.0}, {"misc": {}}))
        raise error

    run.before_end = leave_one_running
    with pytest.raises(type(error)):
        run(loss_of)
    parent = only_parent()
    assert parent.info.status == status
    assert {tid: child.info.status for tid, child in children(parent).items()} == {
        0: "FINISHED",
        5: "KILLED",
    }
    assert mlflow.active_run() is None


def test_the_users_run_stays_open_when_fmin_raises(sqlite_store):
    with mlflow.start_run() as mine:
        FakeRun()(loss_of, error=KeyboardInterrupt())
        assert mlflow.get_run(mine.info.run_id).info.status == "RUNNING"


def test_what_the_user_logs_on_the_driver_meanwhile_lands_in_the_parent(sqlite_store):
    FakeRun(before_end=lambda: mlflow.log_metric("checked", 1.0))(loss_of)
    assert only_parent().data.metrics["checked"] == 1.0
    assert len(parents()) == 1


def test_the_search_leaves_global_generators_and_settings_alone(sqlite_store):
    state, uri = random.getstate(), mlflow.get_tracking_uri()
    start_code = mlflow.start_run.__code__
    FakeRun(parallelism=2)(loss_of, [{"C": 0.1}] * 4)
    assert random.getstate() == state
    assert mlflow.get_tracking_uri() == uri
    assert mlflow.start_run.__code__ is start_code
    assert not [t for t in threading.enumerate() if t.name.startswith("hyperbridge")]


def test_a_store_of_files_that_the_user_allows_holds_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri("mlruns")
    mlflow.set_experiment("search")

    def objective(assignment):
        mlflow.log_metric("inside", assignment["C"])
        mlflow.log_text("hello", "note.txt")
        return assignment["C"]

    FakeRun(parallelism=2)(objective, [{"C": 0.5}, {"C": 0.25}, {"C": 0.75}])
    parent = only_parent()
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["best_trial_loss"] == 0.25
    found = children(parent)
    assert {tid: run.data.metrics for tid, run in found.items()} == {
        tid: {"inside": loss, "loss": loss} for tid, loss in enumerate([0.5, 0.25, 0.75])
    }
    client = mlflow.MlflowClient()
    for run in found.values():
        assert run.info.status == "FINISHED"
        assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["note.txt"]


def test_searches_of_one_process_have_parents_of_different_names(sqlite_store):
    random.seed(1)
    for _ in range(3):
        FakeRun()(loss_of)
    assert len({run.info.run_name for run in parents()}) == 3


def test_a_store_that_the_objective_turns_to_does_not_keep_ours_open(sqlite_store, tmp_path):
    def turn_away(_):
        mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'another.db'}")
        return 0.5

    FakeRun()(turn_away)
    assert mlflow.get_tracking_uri() != sqlite_store
    assert mlflow.active_run() is None
    mlflow.set_tracking_uri(sqlite_store)
    parent = only_parent()
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["best_trial_loss"] == 0.5
    assert [child.info.status for child in children(parent).values()] == ["FINISHED"]


def test_a_run_of_ours_that_the_user_ended_early_still_gets_everything(sqlite_store):
    FakeRun(before_end=mlflow.end_run)(loss_of, [{"C": 0.5}, {"C": 0.25}])
    parent = only_parent()
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["best_trial_loss"] == 0.25
    assert parent.data.metrics["total_trials_count"] == 2
    assert len(children(parent)) == 2


def test_a_run_of_the_users_that_is_deleted_during_the_search_only_warns(sqlite_store):
    mine = mlflow.start_run()
    run_id = mine.info.run_id
    try:
        with pytest.warns(TrackingWarning, match="of the parent run"):
            run = FakeRun(before_end=lambda: mlflow.MlflowClient().delete_run(run_id))(loss_of)
        assert [end.status for end in run.ends] == ["success"]
        mlflow.MlflowClient().restore_run(run_id)
        (child,) = children(mlflow.get_run(run_id)).values()
        assert child.info.status == "FINISHED"
    finally:
        mlflow.end_run()
