"""What Tune calls: thin classes of its own kinds that hand everything to a `Bridge`.

Source: Ray Tune's references of Searcher, Callback, Stopper and TrialScheduler. Tune pickles the
objects into the experiment's folder; how the bridge is rebuilt from there is its own affair.
"""

# ruff: noqa: D102 - Tune's base classes say what the methods are for

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from ray.tune import Callback
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import ConcurrencyLimiter, Searcher, SearchGenerator
from ray.tune.stopper import Stopper

from hyperbridge.backends.ray.bridge import Bridge
from hyperbridge.backends.ray.loggers import background_loggers
from hyperbridge.backends.ray.options import Hooks


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


class PatientScheduler(FIFOScheduler):  # type: ignore[misc]  # as above
    """Runs trials in their order, and leaves each to the actor that starts for it.

    Tune's own takes the first trial that waits to the actor that has become free, and kills the
    one that is starting for it. With trials shorter than such a start, which takes seconds, no
    second actor would ever be ready, and new processes would be started and killed all the time.
    A free actor gets the next trial all the same: Tune's loop looks for one when a trial is new.
    """

    def choose_trial_to_run(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        return None


class RunStopper(Stopper):  # type: ignore[misc]  # as above
    """Ends the experiment when the Run says so, and trials or all of it by the user's rules.

    Tune takes the stopper of an experiment that is continued from its saved state, and not the one
    that it is given. A call of fmin that is running gets its own all the same, with its Run.

    Args:
        bridge: To the Run.
        rules: The user's, or None.
    """

    _running: ClassVar[threading.local] = threading.local()

    def __init__(self, bridge: Bridge, rules: Any = None) -> None:
        self.rules = rules
        self._bridge = bridge

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return type(self).restored, (self._bridge, self.rules)

    @classmethod
    def restored(cls, bridge: Bridge, rules: Any) -> RunStopper:
        """Return the stopper of the call of this thread, or a new one for ``Tuner.restore``."""
        running: RunStopper | None = getattr(cls._running, "stopper", None)
        return cls(bridge, rules) if running is None else running

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Be the stopper of the experiment that this thread runs, whatever Tune has saved."""
        self._running.stopper = self
        try:
            yield
        finally:
            self._running.stopper = None

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return self.rules is not None and bool(self.rules(trial_id, result))

    def stop_all(self) -> bool:
        if self._bridge.should_stop():
            return True
        if self.rules is None or not self.rules.stop_all():
            return False
        self._bridge.stopped_by_rule()
        return True


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


def make_hooks(bridge: Bridge, users_callbacks: list[Any]) -> Hooks:
    """Return the hooks of one experiment.

    Args:
        bridge: Where they lead.
        users_callbacks: A logger of Tune's kinds among them keeps ours away.
    """
    limited = ConcurrencyLimiter(RunSearcher(bridge), max_concurrent=bridge.run.capacity)
    callbacks = [RunCallback(bridge), *background_loggers(users_callbacks)]
    generator = RunGenerator(limited, bridge.run.limits.max_evals)
    return Hooks(generator, callbacks, RunStopper(bridge), PatientScheduler())
