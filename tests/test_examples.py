"""The examples run as their docstrings say, and leave the runs they promise."""

from __future__ import annotations

import os
from pathlib import Path

import clean_child
import mlflow
import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def run(tmp_path: Path, *command: str) -> str:
    """Run a command in an empty folder with a SQLite store of its own; return its output."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HYPERBRIDGE_", "MLFLOW_"))}
    result = clean_child.run(
        command,
        cwd=tmp_path,
        env={**kept, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"},
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return result.stdout


def runs(tmp_path: Path) -> tuple[list[mlflow.entities.Run], list[mlflow.entities.Run]]:
    """Return the parent runs and the child runs of the store."""
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    found = client.search_runs(["0"])
    children = [run for run in found if "mlflow.parentRunId" in run.data.tags]
    return [run for run in found if "mlflow.parentRunId" not in run.data.tags], children


@pytest.mark.slow
def test_the_classic_notebook_leaves_one_parent_with_16_finished_children(tmp_path: Path) -> None:
    output = run(tmp_path, "-m", "hyperbridge", "run", str(EXAMPLES / "iris_spark_trials.py"))
    assert "16 child runs" in output
    (parent,), children = runs(tmp_path)
    assert parent.info.status == "FINISHED"
    assert parent.data.params["max_evals"] == "16"
    assert parent.data.params["algo"] == "hyperopt.tpe"
    assert parent.data.tags["runSource"] == "hyperoptAutoTracking"
    assert len(parent.data.tags["fmin_uuid"]) == 6
    assert parent.data.metrics["total_trials_count"] == 16
    assert parent.data.metrics["successful_trials_count"] == 16
    assert len(children) == 16
    for child in children:
        assert child.info.status == "FINISHED"
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.tags["fmin_uuid"] == parent.data.tags["fmin_uuid"]
        assert child.data.tags["trial_status"] == "success"
        assert set(child.data.params) == {"C"}
        assert child.info.run_name == f"trial-{child.data.tags['hyperbridge.tid']}"
    best = min(child.data.metrics["loss"] for child in children)
    assert parent.data.metrics["best_trial_loss"] == best


@pytest.mark.slow
def test_mllib_on_the_driver_is_tracked_when_asked_for(tmp_path: Path) -> None:
    output = run(tmp_path, str(EXAMPLES / "mllib_trials.py"))
    assert "best point:" in output
    (parent,), children = runs(tmp_path)
    assert parent.data.tags["hyperbridge.backend"] == "local"
    assert len(children) == 6
    for child in children:
        assert child.data.metrics["n_nodes"] > 0
        assert child.data.tags["hyperbridge.value.impurity"] in ("gini", "entropy")


@pytest.mark.slow
def test_model_families_log_from_the_worker_and_stop_early(tmp_path: Path) -> None:
    output = run(tmp_path, "-m", "hyperbridge", "run", str(EXAMPLES / "model_families.py"))
    assert "best loss" in output
    (parent,), children = runs(tmp_path)
    assert parent.info.status == "FINISHED"
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    ended = [child for child in children if child.info.status == "FINISHED"]
    finished = [child for child in ended if "f1_macro" in child.data.metrics]
    assert finished
    for child in finished:
        names = [artifact.path for artifact in client.list_artifacts(child.info.run_id)]
        assert "confusion_matrix.txt" in names
        assert child.data.metrics["loss"] == pytest.approx(1 - child.data.metrics["f1_macro"])
    assert not [child for child in children if child.info.status == "RUNNING"]
