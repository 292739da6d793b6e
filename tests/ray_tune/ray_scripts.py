"""Programs in processes of their own, on clusters that no other test and no other run shares."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import clean_child

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"

LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Makes Ray take the loopback address for a node's; else it rewrites it to the network card's."""


@contextlib.contextmanager
def own_environment(home: Path) -> Iterator[dict[str, str]]:
    """The environment of a process that sees no Ray cluster but those of this environment."""
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # its sockets need a short path
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RAY_", "HYPERBRIDGE_", "MLFLOW_"))
    }
    try:
        yield {
            **kept,
            **LOOPBACK,
            "HOME": str(home),
            "HYPERBRIDGE_TRACKING": "0",
            "PYTHONPATH": str(ROOT),
            "RAY_TMPDIR": folder,
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def started(
    arguments: Sequence[str | Path],
    folder: Path,
    environment: dict[str, str],
    *,
    python: str | None = None,
) -> Iterator[Any]:
    """A Python in a group of its own, which is killed at the end.

    Args:
        arguments: What stands behind ``python``.
        folder: Where it runs.
        environment: All of its environment.
        python: Start this one; None for a fork of one like the tests' own.
    """
    process: Any
    if python is None:
        process = clean_child.start(
            arguments, cwd=folder, env=environment, without=("pyspark",),
            stdout=clean_child.PIPE, stderr=clean_child.STDOUT,
        )  # fmt: skip
    else:
        process = subprocess.Popen(
            [python, *arguments], cwd=folder, env=environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def run(
    name: str,
    *arguments: str,
    folder: Path,
    environment: dict[str, str],
    python: str | None = None,
) -> str:
    """Run ``programs/NAME.py``; return what it printed."""
    command = [PROGRAMS / f"{name}.py", *arguments]
    with started(command, folder, environment, python=python) as process:
        output = process.communicate(timeout=540)[0]
    assert process.returncode == 0, output
    return str(output)
