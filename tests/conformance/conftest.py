"""Turns the gaps that a backend's class declares into strict expected failures; an MLflow store."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        cls = getattr(item, "cls", None)
        gaps = getattr(cls, "gaps", {})
        name = getattr(item, "originalname", item.name)
        if name in gaps:
            item.add_marker(pytest.mark.xfail(reason=gaps[name], strict=True))


@pytest.fixture(autouse=True)
def _no_tracking_unless_asked_for(tracking_off: None) -> None:
    """Tracking has a contract of its own, which asks for it by argument."""


@pytest.fixture(scope="session")
def _migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database to copy: creating one takes seconds."""
    mlflow = pytest.importorskip("mlflow")
    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def sqlite_store(tmp_path: Path, _migrated_database: Path) -> Iterator[str]:
    """A fresh SQLite store whose active experiment is ``tuning``; yields its URI."""
    import mlflow
    from mlflow.tracking import fluent

    before = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
    shutil.copy(_migrated_database, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    mlflow.MlflowClient(uri).create_experiment(
        "tuning", artifact_location=(tmp_path / "artifacts").as_uri()
    )
    mlflow.set_experiment("tuning")
    yield uri
    while mlflow.active_run() is not None:
        with contextlib.suppress(mlflow.MlflowException):
            mlflow.end_run()
    mlflow.set_tracking_uri(None)
    fluent._active_experiment_id = None
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        del os.environ[name]
    os.environ.update(before)
