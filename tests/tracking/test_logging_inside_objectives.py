"""Every form of logging lands in the trial's own child run, in threads and in workers."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import objective_forms as forms
import pytest
from tracking_harness import (
    FakeRun,
    all_runs,
    only_parent,
    run_in_worker,
    runs_below,
    use_store,
)

ORDER = [
    forms.nothing,
    forms.log_directly,
    forms.resume_with_start_run,
    forms.resume_nested_then_grandchildren,
    forms.nested_inside_plain,
    forms.plain_twice,
    forms.name_tags_and_description,
    forms.start_and_end_without_with,
    forms.end_all_runs_first,
    forms.survive_an_exception,
    forms.use_the_client,
    forms.leave_a_grandchild_open,
    forms.resume_the_parent_then_nest,
    forms.log_asynchronously,
    forms.raise_inside_a_run,
    forms.report_state,
]
ONLY_WORKERS = [
    forms.autolog_sklearn,
    forms.fit_without_autolog,
    forms.change_settings,
    forms.report_state,
]


@dataclass
class Tracked:
    """What the store holds after all forms ran."""

    runs: list[Any]
    parent: Any
    names: list[str]
    artifacts: dict[str, list[str]]

    def child(self, form: Any) -> Any:
        (run,) = [
            run
            for run in self.runs
            if run.data.tags.get("hyperbridge.tid") == str(self.names.index(form.__name__))
        ]
        return run

    def below(self, run: Any) -> list[Any]:
        runs = [r for r in self.runs if r.data.tags.get("mlflow.parentRunId") == run.info.run_id]
        return sorted(runs, key=lambda r: r.info.start_time)

    def scores(self, form: Any) -> dict[str, float]:
        metrics = dict(self.child(form).data.metrics)
        assert metrics.pop("loss") == 0.5
        return metrics


@pytest.fixture(scope="module", params=["threads", "worker"])
def tracked(request, tmp_path_factory, empty_database, mlflow_server, reset_mlflow):
    """Run all forms once: at the same time in threads, one after the other in a worker."""
    if request.param == "threads":
        folder = tmp_path_factory.mktemp("forms")
        shutil.copy(empty_database, folder / "mlflow.db")
        experiment = use_store(f"sqlite:///{folder / 'mlflow.db'}", "forms")
        objectives = ORDER
        with mlflow.start_run():
            FakeRun(parallelism=4)(objectives, [{"C": 0.5}] * len(objectives))
    else:
        experiment = use_store(mlflow_server.uri, "forms")
        objectives = ORDER + ONLY_WORKERS
        run_in_worker(
            tmp_path_factory.mktemp("forms"), FakeRun(), objectives, pickled_by_value=[forms]
        )
    client = mlflow.MlflowClient()
    runs = list(client.search_runs([experiment]))
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    artifacts = {
        run.info.run_id: [item.path for item in client.list_artifacts(run.info.run_id)]
        for run in runs
    }
    names = [objective.__name__ for objective in objectives]
    reset_mlflow()
    return Tracked(runs, parent, names, artifacts)


def test_all_runs_are_ended_and_in_one_tree(tracked):
    statuses = {run.info.run_name: run.info.status for run in tracked.runs}
    assert "RUNNING" not in statuses.values()
    trials = tracked.below(tracked.parent)
    assert len(trials) == len(tracked.names)
    grandchildren = [run for child in trials for run in tracked.below(child)]
    assert len(trials) + len(grandchildren) + 1 == len(tracked.runs)
    failed = [run for run in trials if run.info.status == "FAILED"]
    assert [run.info.run_id for run in failed] == [
        tracked.child(forms.raise_inside_a_run).info.run_id
    ]


def test_direct_calls_log_to_the_child_run(tracked):
    child = tracked.child(forms.log_directly)
    assert tracked.scores(forms.log_directly) == {"score": 1.5}
    assert child.data.params == {"by": "objective", "C": "0.5"}
    assert child.data.tags["colour"] == "blue"
    assert sorted(tracked.artifacts[child.info.run_id]) == ["a.json", "note.txt"]


def test_start_run_resumes_the_child_run(tracked):
    child = tracked.child(forms.resume_with_start_run)
    assert tracked.scores(forms.resume_with_start_run) == {"score": 1.5, "after": 2.0}
    assert tracked.below(child) == []
    assert child.info.run_name.startswith("trial-")


def test_the_first_nested_run_is_the_child_and_later_ones_are_grandchildren(tracked):
    child = tracked.child(forms.resume_nested_then_grandchildren)
    assert tracked.scores(forms.resume_nested_then_grandchildren) == {"fold": 0.0}
    grandchildren = tracked.below(child)
    assert [run.data.metrics["fold"] for run in grandchildren] == [1.0, 2.0]
    assert {run.info.status for run in grandchildren} == {"FINISHED"}
    assert {run.info.experiment_id for run in grandchildren} == {child.info.experiment_id}


def test_a_nested_run_inside_a_plain_one_is_a_grandchild(tracked):
    child = tracked.child(forms.nested_inside_plain)
    assert tracked.scores(forms.nested_inside_plain) == {"score": 1.5, "after": 2.0}
    (grandchild,) = tracked.below(child)
    assert grandchild.info.run_name == "inner"
    assert grandchild.data.metrics == {"inner": 1.0}


def test_a_second_plain_run_resumes_the_child_again(tracked):
    assert tracked.scores(forms.plain_twice) == {"score": 1.5, "after": 2.0}
    assert tracked.below(tracked.child(forms.plain_twice)) == []


def test_what_start_run_was_given_is_applied_to_the_child(tracked):
    child = tracked.child(forms.name_tags_and_description)
    assert child.info.run_name == "renamed"
    assert child.data.tags["n"] == "1"
    assert child.data.tags["mlflow.note.content"] == "what it is"


@pytest.mark.parametrize(
    ("form", "scores"),
    [
        (forms.start_and_end_without_with, {"score": 1.5, "after": 2.0}),
        (forms.end_all_runs_first, {"score": 1.5}),
        (forms.survive_an_exception, {"score": 1.5}),
        (forms.use_the_client, {"score": 1.5}),
        (forms.resume_the_parent_then_nest, {"score": 1.5}),
        (forms.log_asynchronously, {"score": 1.5}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_this_form_lands_in_the_child_run(tracked, form, scores):
    child = tracked.child(form)
    assert tracked.scores(form) == scores
    assert child.info.status == "FINISHED"
    assert child.data.tags["trial_status"] == "success"
    assert tracked.below(child) == []


def test_a_grandchild_left_open_is_ended(tracked):
    (grandchild,) = tracked.below(tracked.child(forms.leave_a_grandchild_open))
    assert grandchild.info.status == "FINISHED"
    assert grandchild.data.metrics == {"inner": 1.0}


def test_an_exception_that_leaves_the_objective_fails_the_child(tracked):
    child = tracked.child(forms.raise_inside_a_run)
    assert (child.info.status, child.data.metrics) == ("FAILED", {"score": 1.5})
    assert tracked.artifacts[child.info.run_id] == ["traceback.txt"]


def test_the_parent_holds_nothing_of_the_objectives(tracked):
    assert set(tracked.parent.data.metrics) <= {
        "best_trial_loss",
        *(f"{kind}_trials_count" for kind in ("total", "successful", "failed", "cancelled")),
    }
    assert "score" not in tracked.parent.data.metrics
    assert "colour" not in tracked.parent.data.tags


def test_autologging_of_one_trial_is_off_in_the_next(tracked):
    if "autolog_sklearn" not in tracked.names:
        pytest.skip("autologging is per process: threads share it")
    assert tracked.child(forms.autolog_sklearn).data.params["max_iter"] == "100"
    assert tracked.child(forms.fit_without_autolog).data.params == {"C": "0.5"}


def test_runs_that_end_do_not_disturb_threads_that_log_asynchronously(sqlite_store):
    def log(_: Any) -> float:
        for step in range(10):
            mlflow.log_metric("score", 1.5, step=step, synchronous=False)
            time.sleep(0.02)
        return 0.5

    def begin_and_end_runs(_: Any) -> float:
        for _again in range(3):
            with mlflow.start_run(nested=True):
                pass
        return 0.5

    with mlflow.start_run():
        run = FakeRun(parallelism=4)([log, begin_and_end_runs] * 4, [{"C": 0.5}] * 8)
    assert [end.failure for end in run.ends if end.failure] == []
    client = mlflow.MlflowClient()
    found = [len(client.get_metric_history(run.info.run_id, "score")) for run in all_runs()]
    assert sorted(found)[-4:] == [10] * 4


# -- workers -----------------------------------------------------------------------------------


def test_a_worker_imports_mlflow_only_for_an_objective_that_does(tmp_path, sqlite_store):
    outcomes = run_in_worker(
        tmp_path,
        FakeRun(),
        [forms.nothing, forms.log_directly, forms.nothing],
        pickled_by_value=[forms],
    )
    assert [outcome.has_mlflow for outcome in outcomes] == [False, True, True]
    assert outcomes[0].value["imported"] is False
    assert all(outcome.finders_restored for outcome in outcomes[::2])


def test_nothing_leaks_from_one_trial_to_the_next_in_a_worker(tmp_path, sqlite_store):
    objectives = [
        forms.report_state,
        forms.change_settings,
        forms.report_state,
        forms.autolog_sklearn,
        forms.start_and_end_without_with,
        forms.report_state,
    ]
    outcomes = run_in_worker(tmp_path, FakeRun(), objectives, pickled_by_value=[forms])
    assert [outcome.kind for outcome in outcomes] == ["returned"] * len(objectives)
    assert outcomes[0].value["left_behind"] is None
    for outcome in (outcomes[2], outcomes[5]):
        assert outcome.value["left_behind"] is None
        assert outcome.value["autologging"] == {"mlflow": {}}  # as right after the import
        assert outcome.value["experiment"] is None
        assert outcome.value["last_run"] is None
        assert outcome.value["stack"] == 1
    assert all(outcome.environment_restored for outcome in outcomes)
    names = {run.info.run_name for run in all_runs()}
    assert {f"trial-{n}" for n in range(6)} <= names


def test_a_relative_store_means_the_drivers_folder_on_a_worker(
    tmp_path, empty_database, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_database, tmp_path / "here.db")
    use_store("sqlite:///here.db")
    run_in_worker(tmp_path, FakeRun(), [forms.resume_with_start_run], pickled_by_value=[forms])
    assert not list((tmp_path / "elsewhere").glob("*.db"))
    (child,) = [run for run in all_runs() if "hyperbridge.tid" in run.data.tags]
    assert child.data.metrics == {"score": 1.5, "after": 2.0, "loss": 0.5}


def test_the_drivers_settings_win_over_those_of_the_worker(tmp_path, sqlite_store):
    mlflow.set_registry_uri(f"sqlite:///{tmp_path / 'registry.db'}")

    def objective(_):
        import os

        import mlflow

        mlflow.log_metric("score", 1.0)
        return {
            "loss": 0.0,
            "status": "ok",
            "registry": mlflow.get_registry_uri(),
            "token": os.environ.get("MLFLOW_TRACKING_TOKEN"),
        }

    import os

    os.environ["MLFLOW_TRACKING_TOKEN"] = "secret"
    (outcome,) = run_in_worker(
        tmp_path,
        FakeRun(),
        [objective],
        environment={
            "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
            "MLFLOW_RUN_ID": "0" * 32,
            "MLFLOW_EXPERIMENT_NAME": "wrong",
        },
    )
    assert outcome.kind == "returned", outcome.value
    assert outcome.value["registry"] == f"sqlite:///{tmp_path / 'registry.db'}"
    assert outcome.value["token"] == "secret"
    assert outcome.environment_restored


@pytest.mark.parametrize("where", ["thread", "worker"])
def test_a_start_run_bound_before_the_trial_resumes_the_child_too(tmp_path, sqlite_store, where):
    start_run = mlflow.start_run

    def objective(_):
        import mlflow

        with start_run():
            mlflow.log_metric("score", 1.0)
        return 0.5

    if where == "thread":
        FakeRun()(objective)
    else:
        (outcome,) = run_in_worker(tmp_path, FakeRun(), [objective])
        assert outcome.kind == "returned", outcome.value
    (child,) = [run for run in all_runs() if "hyperbridge.tid" in run.data.tags]
    assert child.data.metrics == {"score": 1.0, "loss": 0.5}
    assert len(all_runs()) == 2


# -- threads -----------------------------------------------------------------------------------


def test_concurrent_trials_never_log_into_each_other(sqlite_store):
    def objective(assignment):
        for step in range(5):
            with mlflow.start_run():
                mlflow.log_metric("mine", assignment["C"], step=step)
        mlflow.log_param("mine", assignment["C"])
        return assignment["C"]

    FakeRun(parallelism=4)(objective, [{"C": float(n)} for n in range(12)])
    trials = [run for run in all_runs() if "hyperbridge.tid" in run.data.tags]
    assert len(trials) == 12
    for child in trials:
        tid = float(child.data.tags["hyperbridge.tid"])
        assert child.data.metrics == {"mine": tid, "loss": tid}
        assert child.data.params["mine"] == str(tid)


def test_threads_that_no_trial_started_keep_their_own_runs(sqlite_store):
    found = []
    begin, ended = threading.Event(), threading.Event()

    def elsewhere():
        assert begin.wait(60)
        found.append(mlflow.active_run())
        with mlflow.start_run(run_name="independent") as run:
            found.append(run.info.run_id)
        ended.set()

    thread = threading.Thread(target=elsewhere)
    thread.start()

    def objective(_):
        begin.set()
        assert ended.wait(60)
        return 0.5

    FakeRun()(objective)
    thread.join()
    (independent,) = [run for run in all_runs() if run.info.run_name == "independent"]
    assert found == [None, independent.info.run_id]
    assert "mlflow.parentRunId" not in independent.data.tags


def test_what_nobody_can_assign_is_warned_about_and_hangs_below_the_search(sqlite_store, caplog):
    both_run, logged = threading.Barrier(3), threading.Barrier(3)

    def elsewhere():
        both_run.wait(60)
        mlflow.log_metric("first", 1.0)
        mlflow.log_metric("second", 1.0)
        logged.wait(60)

    def objective(assignment):
        both_run.wait(60)
        logged.wait(60)
        return assignment["C"]

    thread = threading.Thread(target=elsewhere)
    thread.start()
    FakeRun(parallelism=2)(objective, [{"C": 0.0}, {"C": 1.0}])
    thread.join()
    parent = only_parent()
    (stray,) = [run for run in runs_below(parent) if "hyperbridge.tid" not in run.data.tags]
    assert stray.data.metrics == {"first": 1.0, "second": 1.0}
    assert stray.info.status == "KILLED"
    assert len(runs_below(parent)) == 3
    assert [r.getMessage() for r in caplog.records if "started by none of them" in r.getMessage()]


def test_the_drivers_thread_gets_its_runs_back(sqlite_store):
    with mlflow.start_run() as mine:
        FakeRun()(forms.end_all_runs_first)
        assert mlflow.active_run().info.run_id == mine.info.run_id
        mlflow.log_metric("mine", 1.0)
    assert mlflow.get_run(mine.info.run_id).data.metrics["mine"] == 1.0


def test_a_search_inside_an_objective_hangs_below_its_trial(sqlite_store):
    def outer(_):
        FakeRun()(lambda _: 0.25)
        return 0.5

    FakeRun()(outer)
    root = only_parent()
    (child,) = [r for r in all_runs() if r.data.tags.get("mlflow.parentRunId") == root.info.run_id]
    (grandchild,) = [
        r for r in all_runs() if r.data.tags.get("mlflow.parentRunId") == child.info.run_id
    ]
    assert (child.data.metrics["loss"], grandchild.data.metrics["loss"]) == (0.5, 0.25)
    assert {run.info.status for run in all_runs()} == {"FINISHED"}


def test_a_model_logged_by_the_objective_belongs_to_the_child_run(sqlite_store):
    def objective(_):
        from sklearn.dummy import DummyClassifier

        mlflow.sklearn.log_model(
            DummyClassifier().fit([[0.0], [1.0]], [0, 1]),
            name="model",
            serialization_format="cloudpickle",
            pip_requirements=["scikit-learn"],
        )
        return 0.5

    FakeRun()(objective)
    (child,) = [run for run in all_runs() if "hyperbridge.tid" in run.data.tags]
    (output,) = child.outputs.model_outputs
    assert output.model_id
    assert Path(sqlite_store.removeprefix("sqlite:///")).exists()
