"""Spark that does not start is one clear error, which says what to do."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyspark")

from hyperbridge.backends.spark import sessions

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = Path(__file__).parent / "programs" / "one_trial_on_spark.py"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "problem", "fix"),
    [
        ({"JAVA_HOME": "/no/java"}, "JAVA_HOME=/no/java has no java", "install a JDK"),
        ({"PATH": "/nowhere", "JAVA_HOME": ""}, "no java on the PATH", "install a JDK"),
        ({"SPARK_HOME": "/nowhere"}, "SPARK_HOME=/nowhere has no Spark in it", "unset SPARK_HOME"),
    ],
)
def test_what_is_missing_is_named_with_what_to_do(
    environment: dict[str, str], problem: str, fix: str, tmp_path: Path
) -> None:
    inherited = {k: v for k, v in os.environ.items() if k not in ("SPARK_REMOTE", "SPARK_HOME")}
    result = subprocess.run(
        [sys.executable, PROGRAM], cwd=tmp_path, capture_output=True, text=True, timeout=240,
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    assert "Backend 'spark': Spark cannot be started: " in result.stdout, result.stderr
    assert problem in result.stdout
    assert fix in result.stdout


def test_an_address_in_use_is_told_in_javas_words() -> None:
    text = """An error occurred while calling None.org.apache.spark.api.java.JavaSparkContext.
: java.net.BindException: Address already in use: Service failed!
\tat sun.nio.ch.Net.bind0(Native Method)
"""
    assert sessions.describe_start(RuntimeError(text)) == (
        "java.net.BindException: Address already in use: Service failed!"
    )


def test_a_connect_server_that_is_not_there_is_told_at_once_without_the_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    remote = f"sc://127.0.0.1:{port}/;token=secret"
    with caplog.at_level(logging.WARNING):
        sessions._warn_if_nobody_listens(remote)
    assert f"Nothing listens at 127.0.0.1:{port}" in caplog.text
    assert "secret" not in caplog.text
