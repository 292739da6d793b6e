"""An objective that forks gets a child in which no lock of a request to MLflow is held."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest

from hyperbridge.tracking import forks
from hyperbridge.tracking.logger import BackgroundLogger

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")


@pytest.fixture
def logger() -> Iterator[BackgroundLogger]:
    made = BackgroundLogger(
        threads=2, on_refusal=lambda job, exc: None, on_away=lambda job, exc: None
    )
    yield made
    made.close()


def gets(lock: threading.Lock) -> bool:
    """Tell whether a forked child gets a lock."""
    child = os.fork()
    if child == 0:
        os._exit(0 if lock.acquire(timeout=1.0) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_fork_waits_for_the_request_that_runs(logger: BackgroundLogger) -> None:
    lock, is_held = threading.Lock(), threading.Event()

    def request() -> None:
        with lock:
            is_held.set()
            time.sleep(0.3)

    logger.submit("trial 0", request)
    assert is_held.wait(10)
    assert gets(lock)
    assert logger.flush(10.0) == []


def test_a_fork_does_not_wait_for_a_store_that_is_away(
    logger: BackgroundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks, "PATIENCE_S", 0.1)
    is_running, answer = threading.Event(), threading.Event()

    def request() -> None:
        is_running.set()
        answer.wait(60)

    logger.submit("trial 0", request)
    assert is_running.wait(10)
    assert gets(threading.Lock())
    answer.set()
    assert logger.flush(10.0) == []


def test_a_request_may_fork_and_a_child_may_request(logger: BackgroundLogger) -> None:
    found = []

    def request() -> None:
        child = os.fork()
        if child == 0:
            with forks.no_fork_within():
                os._exit(3)
        found.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    logger.submit("trial 0", request)
    assert logger.flush(30.0) == []
    assert found == [3]
