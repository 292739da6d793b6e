"""What Tune calls: thin classes of its own kinds that hand everything to a `Bridge`.

Source: Ray Tune's references of Searcher, Callback and Stopper. Tune pickles the objects into
the experiment's folder; how the bridge is rebuilt from there is its own affair.
"""

from __future__ import annotations

import copy
import logging
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.tune import Callback
from ray.tune.logger import TBXLoggerCallback
from ray.tune.search import ConcurrencyLimiter, Searcher, SearchGenerator
from ray.tune.stopper import Stopper

from hyperbridge.backends.ray_bridge import FINISHED, Bridge
from hyperbridge.backends.ray_options import Hooks

logger = logging.getLogger(__name__)


class RunSearcher(Searcher):  # type: ignore[misc]  # Ray has no types
    """Proposes the Run's trials."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge

    def set_search_properties(self, *args: Any, **kwargs: Any) -> bool:  # noqa: ARG002
        return True

    def set_max_concurrency(self, max_concurrent: int) -> bool:  # noqa: ARG002
        return True  # the bridge counts

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        return self._bridge.suggest(trial_id)

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Do nothing: the callback knows more."""

    def save(self, checkpoint_path: str) -> None:
        Path(checkpoint_path).write_text("The trials are in the folder hyperbridge.\n")
        self._bridge.saving()

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: the bridge has read the trials' records."""


class RunGenerator(SearchGenerator):  # type: ignore[misc]  # as above
    """Asks a `RunSearcher`; a search that has ended goes on when a later call allows more."""

    def __init__(self, searcher: Searcher, shown_total: int | None) -> None:
        super().__init__(searcher)
        self._shown_total = shown_total

    @property
    def total_samples(self) -> int:
        """The number that Tune's output shows; the Run knows the true one."""
        return int(super().total_samples) if self._shown_total is None else self._shown_total

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state({**state, "finished": False})


class RunStopper(Stopper):  # type: ignore[misc]  # as above
    """Ends the experiment when the Run says so."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:  # noqa: ARG002
        return False

    def stop_all(self) -> bool:
        return self._bridge.should_stop()


class RunCallback(Callback):  # type: ignore[misc]  # as above
    """Brings trials to their actors, and reports to the Run."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:  # noqa: ARG002
        self._bridge.step_began(trials)

    def on_trial_start(self, *, trial: Any, **info: Any) -> None:  # noqa: ARG002
        self._bridge.started(trial)

    def on_trial_result(self, *, trial: Any, result: dict[str, Any], **info: Any) -> None:  # noqa: ARG002
        self._bridge.reported(trial, result)

    def on_trial_complete(self, *, trial: Any, **info: Any) -> None:  # noqa: ARG002
        self._bridge.ended(trial)

    def on_trial_error(self, *, trial: Any, **info: Any) -> None:  # noqa: ARG002
        self._bridge.lost(trial)

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:  # noqa: ARG002
        self._bridge.experiment_ended()


class BackgroundTensorBoard(TBXLoggerCallback):  # type: ignore[misc]  # as above
    """Tune's TensorBoard files, written on a thread of their own.

    Tune syncs each trial's file to the disk four times, inside the loop that starts the trials:
    most of what a short trial costs.
    """

    def __init__(self) -> None:
        super().__init__()
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]  # nothing outlives the process

    def get_state(self) -> None:
        """Write what is left, because Tune is about to copy the files to the storage path."""
        done = threading.Event()
        if self._thread is not None:
            self._work.put(done.set)
            done.wait()

    def _submit(self, call: Callable[[], None]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="hyperbridge-tensorboard")
            self._thread.daemon = True
            self._thread.start()
        self._work.put(call)

    def _serve(self) -> None:
        while (call := self._work.get()) is not None:
            try:
                call()
            except Exception:
                logger.exception("a TensorBoard file could not be written")

    def log_trial_start(self, trial: Any) -> None:
        start = super().log_trial_start
        self._submit(lambda: start(trial))

    def log_trial_result(self, iteration: int, trial: Any, result: dict[str, Any]) -> None:
        log, seen = super().log_trial_result, copy.copy(result)
        self._submit(lambda: log(iteration, trial, seen))

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        end = super().log_trial_end
        self._submit(lambda: end(trial, failed))

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        super().on_experiment_end(trials, **info)
        if self._thread is not None:
            self._work.put(None)
            self._thread.join()
            self._thread = None


def make_hooks(bridge: Bridge, users_callbacks: list[Any]) -> Hooks:
    """Return the hooks of one experiment.

    Args:
        bridge: Where they lead.
        users_callbacks: A TensorBoard logger of the user's keeps ours away.
    """
    limited = ConcurrencyLimiter(RunSearcher(bridge), max_concurrent=bridge.run.capacity)
    callbacks: list[Any] = [RunCallback(bridge)]
    has_logger = any(isinstance(callback, TBXLoggerCallback) for callback in users_callbacks)
    is_off = os.environ.get("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "0") == "1"
    if not has_logger and not is_off:
        try:
            callbacks.append(BackgroundTensorBoard())
        except ImportError:  # tensorboardX is not installed: Tune says so
            pass
    generator = RunGenerator(limited, bridge.run.limits.max_evals)
    return Hooks(generator, callbacks, RunStopper(bridge))


__all__ = ["FINISHED", "make_hooks"]
