"""MLflow stores of their own for the runs of a program, so that the user's is left alone."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from hyperbridge.migrate.child_process import run_apart
from hyperbridge.optional import MLFLOW

_PATIENCE_S = 300.0

POINTERS = (
    "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID", "MLFLOW_REGISTRY_URI",
    "MLFLOW_TRACKING_SERVER_URI",
)  # fmt: skip
"""Environment variables that point into the user's MLflow store."""


def new_template(folder: Path) -> Path | None:
    """Make an empty database to copy, which takes seconds; None where MLflow is not installed."""
    if not MLFLOW.is_installed():
        return None
    path = folder / "empty.db"
    run_apart("hyperbridge.compare.new_store", {"path": str(path)}, _PATIENCE_S)
    return path


def copy_to(folder: Path, template: Path) -> str:
    """Put a store into a folder, and return its tracking URI."""
    path = folder / "mlflow.db"
    if template.exists():
        shutil.copy(template, path)
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            database.execute(
                "UPDATE experiments SET artifact_location = ?", [(folder / "artifacts/0").as_uri()]
            )
    return f"sqlite:///{path}"


def keep_to(tracking_uri: str, artifacts: Path, remark: Any) -> None:
    """Have all of this process's runs go to one store, whatever the program says.

    Args:
        tracking_uri: The store.
        artifacts: Where the artifacts of new experiments go.
        remark: Called with a line about what the program asked for and does not get.
    """
    import mlflow

    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)

    def set_tracking_uri(uri: Any) -> None:
        if str(uri) != tracking_uri:
            remark(f"mlflow.set_tracking_uri({str(uri)!r}) is not followed: runs go to a "
                   "temporary store")  # fmt: skip

    def set_registry_uri(uri: Any) -> None:
        if str(uri) != tracking_uri:
            remark(f"mlflow.set_registry_uri({str(uri)!r}) is not followed")

    tracking = mlflow.tracking
    for module in (mlflow, tracking):
        module.set_tracking_uri = set_tracking_uri
        module.set_registry_uri = set_registry_uri
    service = tracking._tracking_service.client.TrackingServiceClient
    create = service.create_experiment

    def create_experiment(
        client: Any, name: str, artifact_location: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        place = artifact_location or (artifacts / str(abs(hash(name)))).as_uri()
        return create(client, name, place, *args, **kwargs)

    service.create_experiment = create_experiment
