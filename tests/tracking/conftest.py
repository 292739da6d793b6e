from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow_server import MlflowServer
from tracking_harness import use_store


@pytest.fixture(scope="module", autouse=True)
def _scratch_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run in a folder of the tests' own: MLflow writes to the current one by default."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("scratch"))
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture
def own_server(tmp_path: Path, empty_database: Path) -> Iterator[MlflowServer]:
    """A server of the test's own, to kill; not started."""
    server = MlflowServer(tmp_path, empty_database)
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(autouse=True)
def _clean(mlflow_left_as_found: None) -> None:
    """All tests here use MLflow."""


@pytest.fixture
def sqlite_store(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh SQLite store with the active experiment ``search``; returns its URI."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    use_store(uri)
    return uri


@pytest.fixture
def server_store(mlflow_server: MlflowServer, request: pytest.FixtureRequest) -> str:
    """The session's server with an experiment of the test's own; returns its URI."""
    use_store(mlflow_server.uri, name=request.node.name)
    return mlflow_server.uri


@pytest.fixture(params=["sqlite_store", "server_store"])
def any_store(request: pytest.FixtureRequest) -> str:
    uri: str = request.getfixturevalue(request.param)
    return uri
