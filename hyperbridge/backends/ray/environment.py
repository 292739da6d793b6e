"""What Tune's loop takes from its process: environment, log levels, generators, signal handlers.

All of it is set for the time of an experiment and put back. Source: Ray Tune's list of
environment variables; ``tune.run`` installs handlers and does not take them away.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hyperbridge.backends.ray.cluster import is_remote
from hyperbridge.backends.ray.internals import staging_in
from hyperbridge.run.capacity import MAX_PARALLELISM

_ALWAYS = {
    # A failed trial has no metric; Tune would end the whole experiment.
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    # An older Tune would start a searcher's actors one after the other. The FminRun limits them.
    "TUNE_MAX_PENDING_TRIALS_PG": str(MAX_PARALLELISM),
}
_QUIET = {
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output prints a header even when it is silent
}
_SET_BY_IMPORTS = ("CRC32C_SW_MODE",)  # by a library below tensorboardX
_LOGGERS = ("ray.tune", "ray.train")

_lock = threading.Lock()
_depth = 0
_shared = contextlib.ExitStack()
"""Puts back what the experiments that run at the same time share."""


@contextlib.contextmanager
def tune_environment(run_config: Any) -> Iterator[None]:
    """Set Tune's environment variables; of several experiments at once, the first one's.

    Args:
        run_config: The user's, checked. When Tune is to print nothing, it does not log either;
            a progress reporter needs Tune's older output.

    Raises:
        BackendUnavailableError: This Ray cannot be used through Ray Client.
    """
    global _depth
    is_quiet = run_config.verbose == 0
    wanted = dict(_ALWAYS)
    if run_config.failure_config.max_failures == 0:
        # Of nodes that announce their end, Tune would try a trial again without counting.
        wanted["RAY_TRAIN_COUNT_PREEMPTION_AS_FAILURE"] = "1"
    if is_quiet:
        wanted |= _QUIET
    elif run_config.progress_reporter is not None:
        wanted["RAY_AIR_NEW_OUTPUT"] = "0"
    with _lock:
        if _depth == 0:
            with contextlib.ExitStack() as stack:
                if is_remote():
                    folder = tempfile.TemporaryDirectory(prefix="hyperbridge-ray-")
                    stack.enter_context(staging_in(stack.enter_context(folder)))
                stack.enter_context(_variables(wanted))
                if is_quiet:
                    stack.enter_context(_silent_loggers())
                _shared.push(stack.pop_all())
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _shared.close()


@contextlib.contextmanager
def _variables(wanted: dict[str, str]) -> Iterator[None]:
    """Set variables that the user has not set; take them away again, and those of imports."""
    added = [name for name in (*wanted, *_SET_BY_IMPORTS) if name not in os.environ]
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextlib.contextmanager
def _silent_loggers() -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(max(level, logging.CRITICAL))
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextlib.contextmanager
def same_random_state() -> Iterator[None]:
    """Put the global random generators back, which Tune's loop draws from."""
    states = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Notice Ctrl-C, which Tune turns into an ordinary end, and put the handlers back.

    At Ctrl-C Tune's handler puts back the one that it has found, and the loop ends. So Tune finds
    one here that does what the user's does; inside the loop and after it, it is in its place if
    and only if the user has pressed Ctrl-C.

    Yields:
        Tells whether the user has pressed Ctrl-C; for use inside of Tune's loop and after it.
    """
    names = ("SIGINT", "SIGUSR1")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in numbers}
    is_main = threading.current_thread() is threading.main_thread()
    is_tunes = os.environ.get("TUNE_DISABLE_SIGINT_HANDLER", "0") == "0"
    if not is_main or not is_tunes or handlers[signal.SIGINT] is None:
        yield lambda: False
        return
    users = handlers[signal.SIGINT]

    def found_by_tune(number: int, frame: Any) -> None:
        if callable(users):
            users(number, frame)
        elif users == signal.SIG_DFL:
            signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, found_by_tune)
    try:
        yield lambda: signal.getsignal(signal.SIGINT) is found_by_tune
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
