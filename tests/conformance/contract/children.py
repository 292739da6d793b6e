"""Scripts in processes of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def start_child(script: Path, folder: Path, **kwargs: Any) -> subprocess.Popen[str]:
    """Start a script in a process of its own, in its own group, with our package on the path."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HYPERBRIDGE_TRACKING": "0",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(
        [sys.executable, str(script)], cwd=folder, env=environment, text=True,
        start_new_session=True, **{**options, **kwargs},
    )  # fmt: skip


def stop_child(process: subprocess.Popen[str]) -> None:
    """End a child and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(path: Path, process: subprocess.Popen[str], timeout_s: float = 90) -> None:
    """Wait until a file appears."""
    deadline = time.monotonic() + timeout_s
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            output = process.communicate(timeout=10)[0] if process.poll() is not None else ""
            raise AssertionError(f"{path.name} did not appear: {output}")
        time.sleep(0.05)
