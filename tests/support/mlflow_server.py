"""A real MLflow server for tests, on loopback and over a SQLite file."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path


class MlflowServer:
    """A server that can be killed and started again at the same address.

    Args:
        folder: Where its database, its artifacts and its log are.
        database: A migrated SQLite file to copy; None to let the server make one, which takes
            seconds.

    Attributes:
        uri: Its address.
        process: The server, while it runs.
    """

    def __init__(self, folder: Path, database: Path | None = None) -> None:
        self.folder = folder
        if database is not None:
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
        # Else it starts eight more processes, for judging traces: 15 seconds of CPU time.
        environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"),
                    *("--port", str(self.port), "--workers", "1", "--serve-artifacts"),
                    *("--backend-store-uri", f"sqlite:///{self.folder / 'server.db'}"),
                    *("--artifacts-destination", str(self.folder / "artifacts")),
                ],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    def start(self) -> None:
        """Start it, and return when it answers."""
        self.launch()
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
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
