"""What the threads, pools and processes of an objective log lands in the trial's child run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import mlflow
import pytest
import spawning_forms as forms
from mlflow.tracking import fluent
from tracking_harness import FakeRun, in_experiment, run_in_worker

pytest.importorskip("joblib")

ROOT = str(Path(__file__).resolve().parents[2])

LIGHT = [forms.threads, forms.kept_pools, forms.kept_pools, forms.joblib_threads, forms.forked]
HEAVY = [
    forms.joblib_loky,
    forms.joblib_loky,
    forms.joblib_processes,
    forms.kept_processes,
    forms.kept_processes,
    forms.spawned,
    forms.from_a_fork_server,
    forms.from_a_fork_server,
    forms.program,
    forms.shell_command,
]


@pytest.fixture
def store(server_store: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server; MLflow is told that it is the registry, too.

    Else it asks the Spark session that another test may have left in this process, and a forked
    process would ask through a socket that both have.
    """
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", server_store)
    return server_store


def evaluate(where: str, objectives: list[Any], tmp_path: Any) -> None:
    if where == "worker":
        outcomes = run_in_worker(tmp_path, FakeRun(), objectives)
        assert [outcome.value for outcome in outcomes] == [0.5] * len(objectives)
    else:
        run = FakeRun()(objectives, [{"C": 0.5}] * len(objectives))
        assert [end.failure for end in run.ends] == [None] * len(objectives)


def check(objectives: list[Any], experiment: str) -> None:
    """Each trial has what its objective logged, and there is no other run."""
    runs = in_experiment(experiment)
    children = {
        int(run.data.tags["hyperbridge.tid"]): run
        for run in runs
        if "hyperbridge.tid" in run.data.tags
    }
    found = {tid: set(run.data.metrics) - {"loss"} for tid, run in sorted(children.items())}
    assert found == {tid: forms.NAMES[form] for tid, form in enumerate(objectives)}
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert len(runs) == 1 + len(objectives)


@pytest.mark.parametrize("where", ["thread", "worker"])
def test_threads_of_an_objective_log_into_its_child_run(tmp_path, store, request, where):
    evaluate(where, LIGHT, tmp_path)
    check(LIGHT, request.node.name)


def test_what_a_started_process_imports_for_its_run_is_the_standard_library(tmp_path):
    code = (
        "import sys, hyperbridge.tracking.attach; "
        "sys.exit({'hyperopt', 'numpy', 'mlflow', 'pyspark'} & set(sys.modules) != set())"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": ROOT})


@pytest.mark.parametrize("parallelism", [1, 2])
def test_a_thread_that_outlives_its_search_logs_into_its_trials_run_and_starts_none(
    sqlite_store, parallelism
):
    is_over = threading.Event()
    threads = []

    def objective(params):
        def later():
            with mlflow.start_run(nested=True), mlflow.start_run(nested=True):
                is_over.wait()
                mlflow.log_metric("after", 1.0)
            mlflow.log_metric("late", params["C"])
            with mlflow.start_run(nested=True):
                mlflow.log_metric("later", params["C"])

        threads.append(threading.Thread(target=later))
        threads[-1].start()
        return params["C"]

    before = fluent.start_run.__code__
    FakeRun(parallelism=parallelism)(objective, [{"C": 0.5}, {"C": 0.25}])
    is_over.set()
    for thread in threads:
        thread.join()

    runs = in_experiment("search")
    found = [run for run in runs if "hyperbridge.tid" in run.data.tags]
    assert len(found) == 2
    for name in ("late", "later"):
        assert all(run.data.metrics[name] == run.data.metrics["loss"] for run in found)
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert sum("mlflow.parentRunId" not in run.data.tags for run in runs) == 1
    assert mlflow.active_run() is None

    FakeRun()(lambda params: 0.5, [{"C": 0.5}])  # no thread is left, and so are no hooks
    assert fluent.start_run.__code__ is before


@pytest.mark.slow
@pytest.mark.parametrize("where", ["thread", "worker"])
def test_processes_of_an_objective_log_into_its_child_run(tmp_path, store, request, where):
    evaluate(where, HEAVY, tmp_path)
    check(HEAVY, request.node.name)


@pytest.mark.parametrize("where", ["thread", "worker"])
def test_several_runs_of_a_program_are_the_child_and_runs_below_it(tmp_path, store, request, where):
    evaluate(where, [forms.program_with_several_runs], tmp_path)
    runs = in_experiment(request.node.name)
    (child,) = [run for run in runs if "hyperbridge.tid" in run.data.tags]
    below = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == child.info.run_id]
    assert child.data.metrics == {"fold": 0.0, "loss": 0.5}
    assert sorted(run.data.metrics["fold"] for run in below) == [1.0, 2.0]
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert len(runs) == 4
