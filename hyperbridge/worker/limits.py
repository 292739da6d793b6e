"""End a trial at its time limit from inside of its engine's worker process.

A client of Spark does not learn when a task begins to run, and a task whose objective holds
Python's lock, or is inside of a C function, cannot look at a clock. So the process is forked for
the time of the trial. At the limit the fork kills the process and returns in its place: the engine
gets a report, over the connection that both have, and goes on with the next trial.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
import warnings
from collections.abc import Callable
from typing import TypeVar

from hyperbridge.worker.forks import release_in_children, with_sockets

T = TypeVar("T")

_LONGEST_WAIT_S = 24 * 3600.0  # a poll counts milliseconds in 32 bits


def run_within(limit_s: float, run: Callable[[], T], overdue: T) -> T:
    """Return what ``run`` returns; at the limit return ``overdue``, in a fork of this process.

    Call it on the main thread of a process that does nothing else.

    Args:
        limit_s: Seconds.
        run: What may take too long; it is killed then with all of this process.
        overdue: What to return then.
    """
    release_in_children()
    watched = os.getpid()
    ours, theirs = os.pipe()  # closed in programs that the objective starts
    with with_sockets(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # "multi-threaded": it runs no thread
        watcher = os.fork()
    if watcher == 0:
        try:
            os.close(theirs)
            if _ends_within(limit_s, watched, ours):
                os._exit(0)
            os.kill(watched, signal.SIGKILL)
            os.close(ours)
        except BaseException:  # noqa: BLE001 - it must not run the trial a second time
            os._exit(1)
        return overdue
    os.close(ours)
    try:
        return run()
    finally:
        if os.getpid() == watched:
            os.write(theirs, b"x")
            with contextlib.suppress(ChildProcessError):  # the objective has waited for all
                os.waitpid(watcher, 0)
        os.close(theirs)


def _ends_within(limit_s: float, watched: int, told: int) -> bool:
    """Wait until the trial has ended, or its process; False when neither does so in time."""
    deadline = time.monotonic() + limit_s
    poll = select.poll()
    poll.register(told, select.POLLIN)
    with contextlib.suppress(AttributeError, OSError):  # not on Linux, or in a sandbox
        # The pipe alone does not tell of a process that dies and leaves children.
        poll.register(os.pidfd_open(watched), select.POLLIN)
    while (remaining_s := deadline - time.monotonic()) > 0:
        if poll.poll(min(remaining_s, _LONGEST_WAIT_S) * 1000 + 1):
            return True
    return os.getppid() != watched
