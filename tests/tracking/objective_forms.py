"""Objectives that log to MLflow in every way that legacy code does.

They import MLflow themselves, as an objective on a worker does.
"""

from __future__ import annotations

from typing import Any


def log_directly(_: Any) -> float:
    import mlflow

    mlflow.log_param("by", "objective")
    mlflow.log_metric("score", 1.5)
    mlflow.set_tag("colour", "blue")
    mlflow.log_dict({"a": 1}, "a.json")
    mlflow.log_text("hello", "note.txt")
    return 0.5


def resume_with_start_run(_: Any) -> float:
    import mlflow

    with mlflow.start_run() as run:
        assert mlflow.active_run().info.run_id == run.info.run_id
        mlflow.log_metric("score", 1.5)
    mlflow.log_metric("after", 2.0)
    return 0.5


def resume_nested_then_grandchildren(_: Any) -> float:
    import mlflow

    for fold in range(3):
        with mlflow.start_run(nested=True):
            mlflow.log_metric("fold", fold)
    return 0.5


def nested_inside_plain(_: Any) -> float:
    import mlflow

    with mlflow.start_run():
        mlflow.log_metric("score", 1.5)
        with mlflow.start_run(run_name="inner", nested=True):
            mlflow.log_metric("inner", 1.0)
        mlflow.log_metric("after", 2.0)
    return 0.5


def plain_twice(_: Any) -> float:
    import mlflow

    with mlflow.start_run():
        mlflow.log_metric("score", 1.5)
    with mlflow.start_run():
        mlflow.log_metric("after", 2.0)
    return 0.5


def name_tags_and_description(_: Any) -> float:
    import mlflow

    with mlflow.start_run(run_name="renamed", tags={"n": 1}, description="what it is", nested=True):
        mlflow.log_metric("score", 1.5)
    return 0.5


def start_and_end_without_with(_: Any) -> float:
    import mlflow

    mlflow.start_run()
    mlflow.log_metric("score", 1.5)
    mlflow.end_run()
    assert mlflow.active_run() is None
    mlflow.log_metric("after", 2.0)
    return 0.5


def end_all_runs_first(_: Any) -> float:
    import mlflow

    while mlflow.active_run() is not None:
        mlflow.end_run()
    with mlflow.start_run(nested=True):
        mlflow.log_metric("score", 1.5)
    return 0.5


def survive_an_exception(_: Any) -> float:
    import mlflow

    try:
        with mlflow.start_run():
            raise ValueError("caught below")
    except ValueError:
        mlflow.log_metric("score", 1.5)
    return 0.5


def use_the_client(_: Any) -> float:
    import mlflow

    run_id = mlflow.active_run().info.run_id
    mlflow.MlflowClient().log_metric(run_id, "score", 1.5)
    return 0.5


def autolog_sklearn(_: Any) -> float:
    import mlflow

    mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
    fit()
    return 0.5


def fit_without_autolog(_: Any) -> float:
    fit()
    return 0.5


def fit() -> None:
    from sklearn.linear_model import LogisticRegression

    LogisticRegression(C=0.7).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])


def leave_a_grandchild_open(_: Any) -> float:
    import mlflow

    mlflow.start_run()
    mlflow.start_run(nested=True)
    mlflow.log_metric("inner", 1.0)
    return 0.5


def change_settings(_: Any) -> float:
    import os

    import mlflow

    mlflow.set_experiment("objective's own")
    os.environ["MLFLOW_LEFT_BEHIND"] = "1"
    mlflow.log_metric("score", 1.5)
    return 0.5


def resume_the_parent_then_nest(_: Any) -> float:
    import mlflow

    client = mlflow.MlflowClient()
    run_id = mlflow.active_run().info.run_id
    parent_id = client.get_run(run_id).data.tags["mlflow.parentRunId"]
    with mlflow.start_run(run_id=parent_id), mlflow.start_run(nested=True):
        mlflow.log_metric("score", 1.5)
    return 0.5


def log_asynchronously(_: Any) -> float:
    import mlflow

    for step in range(20):
        mlflow.log_metric("score", 1.5, step=step, synchronous=False)
    return 0.5


def raise_inside_a_run(_: Any) -> float:
    import mlflow

    with mlflow.start_run(nested=True):
        mlflow.log_metric("score", 1.5)
        raise ValueError("uncaught")


def report_state(_: Any) -> dict[str, Any]:
    """Tell what a trial finds that logs nothing: all as if it were the process's first."""
    import os
    import sys

    state: dict[str, Any] = {"loss": 0.5, "status": "ok"}
    state["left_behind"] = os.environ.get("MLFLOW_LEFT_BEHIND")
    mlflow: Any = sys.modules.get("mlflow")
    if mlflow is not None:
        utils = sys.modules["mlflow.utils.autologging_utils"]
        state["autologging"] = dict(utils.AUTOLOGGING_INTEGRATIONS)  # type: ignore[attr-defined]
        state["experiment"] = mlflow.tracking.fluent._active_experiment_id
        state["last_run"] = mlflow.tracking.fluent._last_active_run_id.get()
        state["stack"] = len(mlflow.tracking.fluent._active_run_stack.get())
    return state


def nothing(_: Any) -> dict[str, Any]:
    import sys

    return {"loss": 0.5, "status": "ok", "imported": "mlflow" in sys.modules}
