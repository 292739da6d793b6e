"""Run programs that need a Spark session of their own, and see that nothing of them is left.

A classic SparkContext and a Connect session cannot live in one process, and a test run has one
already. A program opens the session that it is about, prints one JSON object per scenario, and
the tests read those.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import clean_child
import pytest
import spark_jvms

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"


def needs_connect_server() -> None:
    """Skip where no Spark Connect server can be started: PySpark 3 has none in its package."""
    pyspark = pytest.importorskip("pyspark")
    pytest.importorskip("grpc")
    if pyspark.__version__.startswith("3."):
        pytest.skip("PySpark 3 brings no Spark Connect server")


def processes_of(session_id: int) -> dict[int, str]:
    """Return the command line of each process of a Unix session, by process id."""
    table = subprocess.run(["ps", "-eo", "pid=,sess=,args="], capture_output=True, text=True)
    rows = (line.split(None, 2) for line in table.stdout.splitlines())
    return {int(row[0]): row[2] for row in rows if len(row) == 3 and row[1] == str(session_id)}


class Program:
    """One run of a program.

    Attributes:
        results: What it printed, by scenario.
        left_behind: The processes that outlived it.
    """

    def __init__(self, results: dict[str, Any], left_behind: list[str], output: str) -> None:
        self.results = results
        self.left_behind = left_behind
        self.output = output

    def __getitem__(self, scenario: str) -> Any:
        return self.results[scenario]


def run_program(
    name: str,
    *args: str,
    directory: Path,
    python: str | None = None,
    timeout_s: float = 240,
    **environment: str,
) -> Program:
    """Run ``programs/NAME.py`` in a process and a Unix session of its own.

    Args:
        name: The program.
        args: Its arguments.
        directory: Its working directory.
        python: The Python of its workers; None for this one.
        timeout_s: How long it may take.
        environment: Further variables.
    """
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("HYPERBRIDGE_", "MLFLOW_", "SPARK_", "PYTHONPATH"))
    }
    log = directory / f"{name}.log"
    with log.open("wb") as sink:
        process = clean_child.start(
            [PROGRAMS / f"{name}.py", *args],
            cwd=directory,
            env={
                **kept,
                "HYPERBRIDGE_ROOT_OF_TESTS": str(ROOT),
                "PYSPARK_PYTHON": python or sys.executable,
                "SPARK_LOCAL_IP": "127.0.0.1",
                **spark_jvms.variables(),
                **environment,
            },
            stdout=sink,
            stderr=clean_child.STDOUT,
        )
        try:
            process.wait(timeout_s)
            left = _wait_for_the_end_of(process.pid)
        finally:
            for pid in processes_of(process.pid):
                os.kill(pid, signal.SIGKILL)
            process.wait()
    output = log.read_text(encoding="utf-8", errors="replace")
    if process.returncode != 0:
        pytest.fail(f"{name} ended with code {process.returncode}:\n{output[-6000:]}")
    results: dict[str, Any] = {}
    for line in output.splitlines():
        _, mark, text = line.partition("RESULT ")
        if mark:
            results.update(json.loads(text))
    return Program(results, left, output)


def _wait_for_the_end_of(session_id: int) -> list[str]:
    """Return what is still there after the moment that a JVM takes to shut down."""
    deadline = time.monotonic() + 15
    while (left := processes_of(session_id)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return list(left.values())
