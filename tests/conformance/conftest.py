"""Leaves all but the first case of what a backend's class says to the long run; an MLflow store."""

from __future__ import annotations

import shutil
from pathlib import Path

import clean_child
import pytest

from hyperbridge.backends.workers import processes


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    begun = set()
    for item in items:
        cls = getattr(item, "cls", None)
        name = getattr(item, "originalname", item.name)
        if name in getattr(cls, "sampled", ()):
            if (cls, name) in begun:
                item.add_marker(pytest.mark.long)
            begun.add((cls, name))


@pytest.fixture(autouse=True)
def _no_tracking_unless_asked_for(tracking_off: None) -> None:
    """Tracking has a contract of its own, which asks for it by argument."""


@pytest.fixture(autouse=True)
def _forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork worker processes from a warm Python; tests/backends starts them as users have them."""
    monkeypatch.setattr(processes, "subprocess", clean_child.STARTING_WORKERS)


@pytest.fixture
def sqlite_store(tmp_path: Path, empty_database: Path, mlflow_left_as_found: None) -> str:
    """A fresh SQLite store whose active experiment is ``tuning``; returns its URI."""
    import mlflow

    shutil.copy(empty_database, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    mlflow.MlflowClient(uri).create_experiment(
        "tuning", artifact_location=(tmp_path / "artifacts").as_uri()
    )
    mlflow.set_experiment("tuning")
    return uri
