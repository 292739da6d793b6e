from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from tracking_harness import use_store


class MlflowServer:
    """A real `mlflow server` on loopback, over a SQLite file, that can be killed and restarted."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder = folder
        shutil.copy(database, folder / "server.db")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start it without waiting until it answers."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")
        }
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"),
                    *("--port", str(self.port), "--workers", "1", "--serve-artifacts"),
                    *("--backend-store-uri", f"sqlite:///{self.folder / 'server.db'}"),
                    *("--artifacts-destination", str(self.folder / "artifacts")),
                ],
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    def start(self) -> None:
        self.launch()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                if urllib.request.urlopen(f"{self.uri}/health", timeout=2).status == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError((self.folder / "server.log").read_text())

    def kill(self) -> None:
        """SIGKILL the server and its workers, as a crash would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@pytest.fixture(scope="module", autouse=True)
def _scratch_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run in a folder of the tests' own: MLflow writes to the current one by default."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("scratch"))
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database to copy: creating one takes seconds."""
    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(scope="session")
def mlflow_server(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path_factory.mktemp("server"), empty_database)
    server.start()
    try:
        yield server
    finally:
        server.kill()


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
