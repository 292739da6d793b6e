"""Let no process be forked in the middle of a request to MLflow.

A forked child has one thread, and the locks as they were: those that another thread held just then,
such as that of an import inside of MLflow, are never released in it. An objective that forks, as
joblib and multiprocessing do, would hang at its first own request.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

PATIENCE_S = 2.0
"""So long does a fork wait for requests, at most: a store may be away for minutes."""

_idle = threading.Condition(threading.Lock())
_n_requests = 0
_mine = threading.local()


@contextlib.contextmanager
def no_fork_within() -> Iterator[None]:
    """Make forks of other threads wait until the block has ended."""
    global _n_requests
    with _idle:
        _n_requests += 1
    _mine.count = getattr(_mine, "count", 0) + 1
    try:
        yield
    finally:
        _mine.count -= 1
        with _idle:
            _n_requests = max(0, _n_requests - 1)
            _idle.notify_all()


def _before() -> None:
    """Wait for the requests of other threads, and let none begin until the fork is done."""
    _idle.acquire()
    mine = getattr(_mine, "count", 0)
    _idle.wait_for(lambda: _n_requests <= mine, PATIENCE_S)


def _in_parent() -> None:
    _idle.release()


def _in_child() -> None:
    global _idle, _n_requests
    _idle = threading.Condition(threading.Lock())
    _n_requests = getattr(_mine, "count", 0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
