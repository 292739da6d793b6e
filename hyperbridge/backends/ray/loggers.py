"""Tune's own files of each trial, written on a thread of their own.

Tune writes them inside the loop that starts the trials, and syncs the TensorBoard file of each
trial to the disk four times: most of what a short trial costs. The files are the same here.
"""

# ruff: noqa: D102 - Tune's base classes say what the methods are for

from __future__ import annotations

import copy
import logging
import os
import queue
import threading
from collections.abc import Callable
from typing import Any

from ray.tune.logger import (
    CSVLoggerCallback,
    JsonLoggerCallback,
    LoggerCallback,
    TBXLoggerCallback,
)

logger = logging.getLogger(__name__)


class Writer:
    """One thread for all loggers of an experiment, which keeps their calls in order."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def __reduce__(self) -> tuple[type[Writer], tuple[()]]:
        return type(self), ()  # nothing outlives the process

    def submit(self, call: Callable[[], Any]) -> None:
        """Call a function soon."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="hyperbridge-ray-loggers")
            self._thread.daemon = True
            self._thread.start()
        self._work.put(call)

    def _serve(self) -> None:
        while (call := self._work.get()) is not None:
            try:
                call()
            except Exception:
                logger.exception("a file of a Ray Tune trial could not be written")

    def flush(self) -> None:
        """Wait until everything submitted has been called."""
        if self._thread is not None:
            done = threading.Event()
            self._work.put(done.set)
            done.wait()

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._work.put(None)
            self._thread.join()
            self._thread = None


class InBackground(LoggerCallback):  # type: ignore[misc]  # Ray has no types
    """Goes before one of Tune's loggers among the bases of a class, and hands its calls over."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer = writer

    def get_state(self) -> None:
        """Write what is left, because Tune is about to copy the files to the storage path."""
        self._writer.flush()

    def log_trial_start(self, trial: Any) -> None:
        start = super().log_trial_start
        trial.init_local_path()
        self._writer.submit(lambda: start(trial))

    def log_trial_result(self, iteration: int, trial: Any, result: dict[str, Any]) -> None:
        log, seen = super().log_trial_result, copy.copy(result)
        self._writer.submit(lambda: log(iteration, trial, seen))

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        end = super().log_trial_end
        self._writer.submit(lambda: end(trial, failed))

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        super().on_experiment_end(trials, **info)
        self._writer.close()


class BackgroundCSV(InBackground, CSVLoggerCallback):  # type: ignore[misc]  # as above
    """Writes ``progress.csv``."""


class BackgroundJson(InBackground, JsonLoggerCallback):  # type: ignore[misc]  # as above
    """Writes ``result.json``, ``params.json`` and ``params.pkl``."""


class BackgroundTensorBoard(InBackground, TBXLoggerCallback):  # type: ignore[misc]  # as above
    """Writes TensorBoard's event files."""


_OURS = {
    CSVLoggerCallback: BackgroundCSV,
    JsonLoggerCallback: BackgroundJson,
    TBXLoggerCallback: BackgroundTensorBoard,
}


def background_loggers(users_callbacks: list[Any]) -> list[Any]:
    """Return a logger for each kind that Tune adds by itself.

    Args:
        users_callbacks: A kind of which the user has passed one is left to the user.
    """
    if os.environ.get("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "0") == "1":
        return []
    writer = Writer()
    made = []
    for theirs, ours in _OURS.items():
        if not any(isinstance(callback, theirs) for callback in users_callbacks):
            try:
                made.append(ours(writer))
            except ImportError:  # tensorboardX is not installed: Tune says so
                continue
    return made
