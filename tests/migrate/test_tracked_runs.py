"""The MLflow runs of a migrated program: experiments, threads, failures, clashing params."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import clean_child
import pytest
from golden_cases import migrate

pytest.importorskip("optuna")
mlflow = pytest.importorskip("mlflow")

HEAD = "import mlflow\nfrom hyperopt import STATUS_OK, SparkTrials, fmin, hp, tpe\n"
SEARCH = """
experiment = mlflow.create_experiment("other")
with mlflow.start_run(experiment_id=experiment) as parent:
    best = fmin(
        objective,
        {"x": hp.uniform("x", -1, 1), "c": hp.lognormal("c", 0, 1)},
        algo=tpe.suggest,
        max_evals=6,
        trials=SparkTrials(parallelism=2),
    )
"""


def runs_of(text: str, folder: Path) -> tuple[Any, list[Any]]:
    """Migrate a program, run it, and return its parent run and the child runs."""
    store = f"sqlite:///{folder}/mlflow.db"
    (folder / "program.py").write_text(migrate(text).new_text)
    done = clean_child.run(
        ["program.py"],
        cwd=folder,
        env={"MLFLOW_TRACKING_URI": store, "PATH": "/usr/bin:/bin", "GIT_PYTHON_REFRESH": "quiet"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    client = mlflow.MlflowClient(store)
    experiment = client.get_experiment_by_name("other")
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = (r for r in runs if "mlflow.parentRunId" not in r.data.tags)
    children = [r for r in runs if r is not parent]
    assert {r.data.tags["mlflow.parentRunId"] for r in children} == {parent.info.run_id}
    assert len(client.search_runs(["0"])) == 0
    return parent, children


def test_children_are_in_the_experiment_of_their_parent_and_failures_are_failed(
    tmp_path: Path,
) -> None:
    body = (
        "def objective(p):\n"
        "    if p['x'] > 0.5:\n"
        "        raise ValueError('no')\n"
        "    return {'loss': p['x'] ** 2, 'status': STATUS_OK}\n"
    )
    parent, children = runs_of(HEAD + body + SEARCH, tmp_path)

    assert len(children) == 6
    for child in children:
        failed = float(child.data.params["x"]) > 0.5
        assert child.info.status == ("FAILED" if failed else "FINISHED")
        assert child.data.tags["trial_status"] == ("failure" if failed else "success")
        assert float(child.data.params["c"]) > 0
    assert "best_trial_loss" in parent.data.metrics


def test_params_that_the_objective_logs_itself_are_kept(tmp_path: Path) -> None:
    """It may log another value under a parameter's name, which MLflow refuses to change."""
    body = (
        "def objective(p):\n"
        "    mlflow.log_param('c', round(p['c'], 1))\n"
        "    return {'loss': p['x'] ** 2, 'status': STATUS_OK}\n"
    )
    _, children = runs_of(HEAD + body + SEARCH, tmp_path)

    assert len(children) == 6
    assert {child.info.status for child in children} == {"FINISHED"}
    assert all(len(child.data.params["c"].partition(".")[2]) == 1 for child in children)
    assert all("x" in child.data.params for child in children)


def test_runs_that_the_objective_starts_are_children(tmp_path: Path) -> None:
    body = (
        "def objective(p):\n"
        "    with mlflow.start_run(run_name='mine'):\n"
        "        mlflow.log_params(p)\n"
        "        return {'loss': p['x'] ** 2, 'status': STATUS_OK}\n"
    )
    _, children = runs_of(HEAD + body + SEARCH, tmp_path)

    assert [child.info.run_name for child in children] == ["mine"] * 6


def test_a_run_that_a_caller_has_started_is_the_parent(tmp_path: Path) -> None:
    """A second ``mlflow.start_run`` below it would raise."""
    body = """
def search():
    return fmin(lambda x: x**2, hp.uniform("x", -1, 1), tpe.suggest, 3, trials=SparkTrials(2))

experiment = mlflow.create_experiment("other")
with mlflow.start_run(experiment_id=experiment, run_name="of the caller"):
    search()
"""
    parent, children = runs_of(HEAD + body, tmp_path)

    assert parent.info.run_name == "of the caller"
    assert "best_trial_loss" in parent.data.metrics
    assert len(children) == 3
