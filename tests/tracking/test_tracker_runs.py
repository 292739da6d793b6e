"""What the parent run and the child runs hold."""

from __future__ import annotations

import math
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import mlflow
import pytest
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from tracking_harness import INFO, FakeRun, children, only_parent, parents, runs_below

from hyperbridge.documents import Trial, TrialEnd
from hyperbridge.errors import MissingDependencyError, TrackingWarning
from hyperbridge.run.observer import RunEnd
from hyperbridge.tracking import MlflowTracker, make_tracker, should_track


def loss_of(assignment: dict) -> float:
    return assignment["C"]


def metric_history(run, name: str) -> list:
    return mlflow.MlflowClient().get_metric_history(run.info.run_id, name)


def in_experiment(name: str) -> list:
    """Runs of the active experiment only: the server is shared by the tests."""
    experiment = mlflow.get_experiment_by_name(name)
    return list(mlflow.MlflowClient().search_runs([experiment.experiment_id]))


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


def test_a_later_call_in_the_same_run_overwrites_nothing(sqlite_store):
    with mlflow.start_run() as parent:
        FakeRun()(loss_of, [{"C": 0.5}, {"C": 0.4}])
        first = mlflow.get_run(parent.info.run_id).data
        FakeRun(info=INFO.__class__(**{**fields_of(INFO), "max_evals": 99}))(loss_of, [{"C": 0.3}])
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


def fields_of(info):
    return {name: getattr(info, name) for name in info.__slots__}


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
        trial = Trial(7, {"C": 2.0}, {})
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
    run.before_end = lambda: run.finish(TrialEnd(Trial(9, {"C": 1.0}, {}), "cancelled"))
    run(loss_of)
    assert set(children(only_parent())) == {0}


def test_a_trial_cancelled_before_its_start_has_no_run(sqlite_store):
    run = FakeRun()

    def cancel_then_start():
        trial = Trial(9, {"C": 1.0}, {})
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
        run.tracker.trial_starting(Trial(5, {"C": 1.0}, {}))
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


# -- names and values --------------------------------------------------------------------------


def test_labels_that_mlflow_refuses_stay_distinguishable(any_store, request):
    labels = ["x[0]", "x(0)", "../up", "a//b", "", ".", "k" * 300, "k" * 301, "größe/µ", "tab\t"]
    with pytest.warns(TrackingWarning, match=r"Trial 0: MLflow refuses the name 'x\[0\]'"):
        FakeRun()(lambda _: 0.5, [{label: float(n) for n, label in enumerate(labels)}])
    name = "search" if "sqlite" in any_store else request.node.name
    (child,) = [run for run in in_experiment(name) if "mlflow.parentRunId" in run.data.tags]
    assert sorted(child.data.params.values()) == sorted(str(float(n)) for n in range(len(labels)))
    assert child.data.params["größe/µ"] == "8.0"
    assert all(len(key) <= 250 for key in child.data.params)


def test_long_values_are_cut_with_a_warning(any_store, request):
    info = INFO.__class__(**{**fields_of(INFO), "space_text": "s" * 20_000})
    with pytest.warns(TrackingWarning, match="Trial 0: the value of 'C' has 9000 characters"):
        FakeRun(info=info)(lambda _: 0.5, [{"C": "v" * 9000}])
    name = "search" if "sqlite" in any_store else request.node.name
    runs = in_experiment(name)
    (child,) = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert len(child.data.params["C"]) == 6000
    assert child.data.params["C"].endswith("v ...")
    assert len(parent.data.tags["space"]) == 8000
    assert parent.data.tags["space"].endswith("s ...")


def test_metrics_that_are_not_finite_are_logged_with_a_warning(any_store, request):
    with pytest.warns(TrackingWarning, match="Trial 0: gap is inf"):
        FakeRun()(lambda _: {"loss": math.nan, "status": "ok", "gap": math.inf, "n": 10**400})
    name = "search" if "sqlite" in any_store else request.node.name
    (child,) = [run for run in in_experiment(name) if "mlflow.parentRunId" in run.data.tags]
    assert math.isnan(child.data.metrics["loss"])
    assert child.data.metrics["gap"] == sys.float_info.max
    assert child.data.metrics["n"] == sys.float_info.max


def test_a_hundred_choices_and_params_fit(any_store, request):
    assignment = {f"c{n}": n for n in range(150)}
    info = INFO.__class__(
        **{**fields_of(INFO), "decode": lambda a: {label: f"v{n}" for label, n in a.items()}}
    )
    FakeRun(info=info)(lambda _: 0.5, [assignment])
    name = "search" if "sqlite" in any_store else request.node.name
    (child,) = [run for run in in_experiment(name) if "mlflow.parentRunId" in run.data.tags]
    assert len(child.data.params) == 150
    assert sum(key.startswith("hyperbridge.value.") for key in child.data.tags) == 150


def test_each_kind_of_trouble_is_reported_once(sqlite_store):
    with pytest.warns(TrackingWarning) as caught:
        FakeRun()(lambda _: math.inf, [{"x[0]": 1.0, "y[0]": 2.0}] * 3)
    assert len(caught) == 2


# -- what the objective logged itself ----------------------------------------------------------


def test_what_the_objective_logged_under_the_same_name_stands(sqlite_store):
    def objective(assignment):
        mlflow.log_params({"kernel": "rbf", "C": assignment["C"]})
        mlflow.log_metric("accuracy", 0.9, step=3)
        return {"loss": 0.1, "status": "ok", "accuracy": 0.5, "f1": 0.4}

    FakeRun()(objective, [{"kernel": 1, "C": 0.25}])
    child = children(only_parent())[0]
    uuid = child.data.tags["fmin_uuid"]
    assert child.data.params == {"kernel": "rbf", "C": "0.25", f"kernel_{uuid}": "1"}
    assert child.data.metrics == {"accuracy": 0.9, "f1": 0.4, "loss": 0.1}
    assert len(metric_history(child, "accuracy")) == 1


def test_a_clash_of_params_loses_nothing_else(sqlite_store):
    def objective(_):
        mlflow.log_param("C", "mine")
        return 0.5

    FakeRun()(objective)
    child = children(only_parent())[0]
    assert child.data.params == {"C": "mine", f"C_{child.data.tags['fmin_uuid']}": "0.5"}
    assert child.data.metrics == {"loss": 0.5}
    assert child.info.status == "FINISHED"


def test_what_trials_in_threads_log_asynchronously_is_there_when_fmin_returns(sqlite_store):
    def objective(_):
        for step in range(10):
            mlflow.log_metric("score", float(step), step=step, synchronous=False)
        return 0.5

    FakeRun(parallelism=4)(objective, [{"C": 0.5}] * 8)
    found = children(only_parent())
    assert [len(metric_history(child, "score")) for child in found.values()] == [10] * 8


# -- when it is on -----------------------------------------------------------------------------


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
    tracker.run_finished(RunEnd(None, 0, 0, 0, 0))
    assert only_parent().info.status == "FINISHED"
    assert only_parent().data.metrics["total_trials_count"] == 0.0


# -- cost --------------------------------------------------------------------------------------


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
