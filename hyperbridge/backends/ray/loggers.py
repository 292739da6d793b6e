"""Tune's own files of each trial, written on a thread of their own.

Tune writes them inside the loop that starts the trials, and syncs the TensorBoard file of each
trial to the disk four times: most of what a short trial costs. The files are the same here.
"""

# ruff: noqa: D102 - Tune's base classes say what the methods are for

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ray.tune.logger import (
    CSVLoggerCallback,
    JsonLoggerCallback,
    LoggerCallback,
    TBXLoggerCallback,
)

logger = logging.getLogger(__name__)


class InBackground(LoggerCallback):  # type: ignore[misc]  # Ray has no types
    """Goes before one of Tune's loggers among the bases of a class; one thread makes its calls."""

    def __init__(self) -> None:
        super().__init__()
        self._prepare()

    def _prepare(self) -> None:
        self._open: dict[str, Any] = {}
        self._pool = ThreadPoolExecutor(1, "hyperbridge-ray-logger")

    def __getstate__(self) -> dict[str, Any]:
        return {name: kept for name, kept in vars(self).items() if name not in ("_pool", "_open")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()

    def _submit(self, call: Callable[..., Any], *args: Any) -> None:
        def logged() -> None:
            try:
                call(*args)
            except Exception:
                logger.exception("a file of a Ray Tune trial could not be written")

        self._pool.submit(logged)

    def get_state(self) -> None:
        """Write what is left, because Tune is about to copy the files to the storage path."""
        self._pool.submit(lambda: None).result()

    def log_trial_start(self, trial: Any) -> None:
        self._open[trial.trial_id] = trial
        trial.init_local_path()
        self._submit(super().log_trial_start, trial)

    def log_trial_result(self, iteration: int, trial: Any, result: dict[str, Any]) -> None:
        self._submit(super().log_trial_result, iteration, trial, copy.copy(result))

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        self._open.pop(trial.trial_id, None)
        self._submit(super().log_trial_end, trial, failed)

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        super().on_experiment_end(trials, **info)
        for trial in list(self._open.values()):  # cut off by a timeout, of which Tune says nothing
            self.log_trial_end(trial, failed=True)
        self._pool.shutdown()


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
KINDS = tuple(_OURS)
"""Tune adds one of each of these kinds, unless it sees one."""


def background_loggers(users_callbacks: list[Any]) -> list[Any]:
    """Return a logger for each kind that Tune adds by itself.

    Args:
        users_callbacks: A kind of which the user has passed one is left to the user.
    """
    if os.environ.get("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "0") == "1":
        return []
    made = []
    for theirs, ours in _OURS.items():
        if not any(isinstance(callback, theirs) for callback in users_callbacks):
            try:
                made.append(ours())
            except ImportError:  # tensorboardX is not installed: Tune says so
                continue
    return made
