"""Run the command line as users do: in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import hyperbridge

ROOT = Path(hyperbridge.__file__).parents[1]


class Shell:
    """Starts processes in a directory of their own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *args, **env) -> subprocess.CompletedProcess:
        """Run ``hyperbridge run`` with the arguments."""
        return self.start("-m", "hyperbridge", "run", *args, **env)

    def python(self, *args, **env) -> subprocess.CompletedProcess:
        """Run plain Python with the arguments."""
        return self.start(*args, **env)

    def start(self, *args, **env) -> subprocess.CompletedProcess:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HYPERBRIDGE_")}
        return subprocess.run(
            [sys.executable, *map(str, args)],
            cwd=self.directory,
            env={**kept, "PYTHONPATH": str(ROOT), **env},
            capture_output=True,
            text=True,
            timeout=180,  # a Spark session starts slowly on a busy machine
        )


@pytest.fixture
def shell(tmp_path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def mlflow_server(tmp_path) -> Iterator[str]:
    """A real MLflow server on loopback; yields its URI."""
    pytest.importorskip("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    folder = tmp_path / "server"
    folder.mkdir()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(f"{uri}/health", timeout=2).status == 200:
                    break
            time.sleep(0.1)
        else:
            pytest.fail((folder / "log").read_text())
        yield uri
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
