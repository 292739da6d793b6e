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
import ray
from ray.train._internal import storage

from hyperbridge.backends.ray.cluster import is_remote
from hyperbridge.backends.ray.resources import MAX_PARALLELISM
from hyperbridge.errors import BackendUnavailableError

_lock = threading.Lock()
_depth = 0
_before: dict[str, str | None] = {}
_levels: dict[str, int] = {}

_ALWAYS = {
    # A failed trial has no metric; Tune would end the whole experiment.
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    # An older Tune would start the actors of a searcher one after the other. The Run limits them.
    "TUNE_MAX_PENDING_TRIALS_PG": str(MAX_PARALLELISM),
}
_QUIET = {
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output prints a header even when it is silent
}
_SET_BY_IMPORTS = ("CRC32C_SW_MODE",)  # by a library below tensorboardX
_LOGGERS = ("ray.tune", "ray.train")
_SESSION_FOLDER = "_get_ray_train_session_dir"
_staging = contextlib.ExitStack()


@contextlib.contextmanager
def tune_environment(run_config: Any) -> Iterator[None]:
    """Set Tune's environment variables; of several experiments at once, the first one's.

    Args:
        run_config: The user's, checked. When Tune is to print nothing, it does not log either;
            a progress reporter needs Tune's older output.
    """
    global _depth
    is_quiet = run_config.verbose == 0
    wanted = dict(_ALWAYS)
    if is_quiet:
        wanted |= _QUIET
    elif run_config.progress_reporter is not None:
        wanted["RAY_AIR_NEW_OUTPUT"] = "0"
    with _lock:
        if _depth == 0:
            _staging.enter_context(_folder_of_session())
            for name in (*wanted, *_SET_BY_IMPORTS):
                _before[name] = os.environ.get(name)
            for name, value in wanted.items():
                os.environ.setdefault(name, value)
            if is_quiet:
                for name in _LOGGERS:
                    logger = logging.getLogger(name)
                    _levels[name] = logger.level
                    logger.setLevel(max(logger.level, logging.CRITICAL))
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                for name, earlier in _before.items():
                    if earlier is None:
                        os.environ.pop(name, None)
                _before.clear()
                for name, level in _levels.items():
                    logging.getLogger(name).setLevel(level)
                _levels.clear()
                _staging.close()


@contextlib.contextmanager
def _folder_of_session() -> Iterator[None]:
    """Through Ray Client, give Tune's loop a folder here in the place of its node's.

    Raises:
        BackendUnavailableError: This Ray asks for that folder in another way.
    """
    if not is_remote():
        yield
        return
    before = getattr(storage, _SESSION_FOLDER, None)
    if before is None:
        raise BackendUnavailableError(
            f"Backend 'ray' cannot work through Ray Client with Ray {ray.__version__}. Run the "
            "script on a node of the cluster, for example with `ray job submit`."
        )
    with tempfile.TemporaryDirectory(prefix="hyperbridge-ray-") as folder:
        setattr(storage, _SESSION_FOLDER, lambda: folder)
        try:
            yield
        finally:
            setattr(storage, _SESSION_FOLDER, before)


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

    Yields:
        Tells whether the user pressed Ctrl-C. Tune's handler takes itself away when it runs,
        so that then, and only then, the one of before is there again.
    """
    is_main = threading.current_thread() is threading.main_thread()
    numbers = [signal.SIGINT]
    if hasattr(signal, "SIGUSR1"):
        numbers.append(signal.SIGUSR1)
    handlers = {number: signal.getsignal(number) for number in numbers} if is_main else {}
    was_installed = False

    def is_interrupted() -> bool:
        nonlocal was_installed
        if not handlers:
            return False
        is_before = signal.getsignal(signal.SIGINT) is handlers[signal.SIGINT]
        was_installed = was_installed or not is_before
        return was_installed and is_before

    try:
        yield is_interrupted
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
