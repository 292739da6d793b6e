"""What Tune calls: thin classes of its own kinds that hand everything to a `TrialDispatcher`.

Source: Ray Tune's references of Searcher, Callback, Stopper and TrialScheduler. Tune pickles the
objects into the experiment's folder.
"""

# ruff: noqa: D102 - Tune's base classes say what the methods are for

from __future__ import annotations

import copy
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import ConcurrencyLimiter, Searcher, SearchGenerator
from ray.tune.stopper import Stopper

from hyperbridge.backends.ray.dispatcher import FINISHED, TrialDispatcher
from hyperbridge.backends.ray.internals import waits_for_room
from hyperbridge.backends.ray.loggers import KINDS, background_loggers

_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Hooks:
    """What reaches the FminRun from inside Tune.

    Attributes:
        search_alg: Proposes the trials.
        callbacks: Hear of their progress; the user's are among them.
        stopper: Ends the experiment.
        scheduler: Takes the user's, or None; returns the one of the experiment.
    """

    search_alg: Any
    callbacks: list[Any]
    stopper: Any
    scheduler: Callable[[Any], Any]


class RunSearcher(Searcher):  # type: ignore[misc]  # Ray has no types
    """Proposes the FminRun's trials."""

    def __init__(self, dispatcher: TrialDispatcher) -> None:
        super().__init__()
        self._dispatcher = dispatcher

    def set_search_properties(self, *args: Any, **kwargs: Any) -> bool:  # noqa: ARG002
        return True  # metric and mode are for Tune's tables: the FminRun minimises the loss

    def set_max_concurrency(self, max_concurrent: int) -> bool:  # noqa: ARG002
        return True  # the dispatcher counts

    def suggest(self, trial_id: str) -> Any:
        return self._dispatcher.guard(self._dispatcher.suggest, trial_id, default=FINISHED)

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Do nothing: the callback knows more."""

    def save(self, checkpoint_path: str) -> None:
        Path(checkpoint_path).write_text("The trials are in the folder hyperbridge.\n")
        self._dispatcher.saving()

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: the dispatcher has read the trials' records."""


class RunGenerator(SearchGenerator):  # type: ignore[misc]  # as above
    """Asks a `RunSearcher`; a search that has ended goes on when a later call allows more."""

    def __init__(self, searcher: Searcher, shown_total: int | None) -> None:
        super().__init__(searcher)
        self._shown_total = shown_total

    @property
    def total_samples(self) -> int:
        """The number that Tune's output shows; the FminRun knows the true one."""
        return int(super().total_samples) if self._shown_total is None else self._shown_total

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state({**state, "finished": False})


class PatientScheduler(FIFOScheduler):  # type: ignore[misc]  # as above
    """Runs trials in their order, and leaves each to the actor that starts for it.

    Tune's own takes the first trial that waits to the actor that has become free, and kills the
    one that is starting for it. With trials shorter than such a start, which takes seconds, no
    second actor would ever be ready, and new processes would be started and killed all the time.
    A free actor gets the next trial all the same: Tune's loop looks for one when a trial is new.

    A trial in line for a node to come has no process that could be killed. It gets the next free
    actor before trials that came after it, or it would wait for as long as the cluster stays as it
    is. As finding room for a process takes moments too, that is so after some seconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self._since: dict[str, float] = {}

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:  # noqa: ARG002
        self._since[trial.trial_id] = time.monotonic()

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        early = time.monotonic() - _PATIENCE_S
        for trial in tune_controller.get_live_trials():
            if trial.status != trial.PENDING:
                self._since.pop(trial.trial_id, None)
                continue
            has_waited = self._since.get(trial.trial_id, early) < early
            if has_waited and waits_for_room(tune_controller, trial):
                return trial
        return None


class RunStopper(Stopper):  # type: ignore[misc]  # as above
    """Ends the experiment when the FminRun says so, and trials or all of it by the user's rules."""

    def __init__(self, dispatcher: TrialDispatcher) -> None:
        self._dispatcher = dispatcher

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        rules = self._dispatcher.rules
        return rules is not None and bool(rules(trial_id, result))

    def stop_all(self) -> bool:
        if self._dispatcher.should_stop():
            return True
        if self._dispatcher.rules is None or not self._dispatcher.rules.stop_all():
            return False
        self._dispatcher.stopped_by_rule()
        return True


class RunCallback(tune.Callback):  # type: ignore[misc]  # as above
    """Brings trials to their actors, and reports to the FminRun."""

    def __init__(self, dispatcher: TrialDispatcher) -> None:
        self._dispatcher = dispatcher

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:  # noqa: ARG002
        self._dispatcher.guard(self._dispatcher.step_began, trials)

    def on_trial_start(self, *, trial: Any, **info: Any) -> None:  # noqa: ARG002
        self._dispatcher.guard(self._dispatcher.started, trial)

    def on_trial_result(self, *, trial: Any, result: dict[str, Any], **info: Any) -> None:  # noqa: ARG002
        self._dispatcher.guard(self._dispatcher.reported, trial, result)

    def on_trial_complete(self, *, trial: Any, **info: Any) -> None:  # noqa: ARG002
        self._dispatcher.guard(self._dispatcher.ended, trial)

    def on_trial_recover(self, *, trial: Any, **info: Any) -> None:  # noqa: ARG002
        self._dispatcher.guard(self._dispatcher.begins_again, trial)

    def on_trial_error(self, *, trial: Any, **info: Any) -> None:  # noqa: ARG002
        self._dispatcher.guard(self._dispatcher.lost, trial)

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:  # noqa: ARG002
        self._dispatcher.experiment_ended()


class UsersCallback(tune.Callback):  # type: ignore[misc]  # as above
    """A callback of the user's, which hears of a failed trial as such.

    An objective that raises leaves its process to the next trial, so Tune takes the trial for one
    that is complete.
    """

    def __init__(self, users: Any, dispatcher: TrialDispatcher) -> None:
        self._users = users
        self._dispatcher = dispatcher

    @property
    def _SAVED_FILE_TEMPLATES(self) -> Any:  # noqa: N802 - Tune's name
        return self._users._SAVED_FILE_TEMPLATES

    def on_trial_complete(self, *, trial: Any, **info: Any) -> None:
        failed = self._dispatcher.has_failed(trial)
        heard = self._users.on_trial_error if failed else self._users.on_trial_complete
        heard(trial=trial, **info)


def _passed_on(name: str) -> Callable[..., Any]:
    def method(self: UsersCallback, *args: Any, **info: Any) -> Any:
        return getattr(self._users, name)(*args, **info)

    return method


for _name in vars(tune.Callback):
    if not _name.startswith("_") and _name not in vars(UsersCallback):
        setattr(UsersCallback, _name, _passed_on(_name))


def _scheduler_of(users: Any, dispatcher: TrialDispatcher) -> Any:
    """Return a copy of the user's scheduler that hears of failed trials as such, or ours.

    Tune notes the goal of the experiment in a scheduler, so the user's own stays as it is. Without
    being told, a rule of medians would take the NaN of a failed trial for a result.
    """
    if users is None:
        return PatientScheduler()
    try:
        scheduler = copy.deepcopy(users)
    except Exception:  # noqa: BLE001 - one of the user's own may hold anything
        return users

    def on_trial_complete(controller: Any, trial: Any, result: Any) -> None:
        if dispatcher.has_failed(trial):
            scheduler.on_trial_error(controller, trial)
        else:  # by the class: pickles of bound methods would find this very function
            type(scheduler).on_trial_complete(scheduler, controller, trial, result)

    scheduler.on_trial_complete = on_trial_complete
    return scheduler


def make_hooks(dispatcher: TrialDispatcher, users_callbacks: list[Any]) -> Hooks:
    """Return the hooks of one experiment.

    Args:
        dispatcher: Where they lead.
        users_callbacks: A logger of Tune's kinds among them keeps ours away.
    """
    limited = ConcurrencyLimiter(RunSearcher(dispatcher), max_concurrent=dispatcher.run.capacity)
    theirs = [
        each if isinstance(each, KINDS) else UsersCallback(each, dispatcher)
        for each in users_callbacks
    ]
    return Hooks(
        search_alg=RunGenerator(limited, dispatcher.run.limits.max_evals),
        callbacks=[RunCallback(dispatcher), *background_loggers(users_callbacks), *theirs],
        stopper=RunStopper(dispatcher),
        scheduler=functools.partial(_scheduler_of, dispatcher=dispatcher),
    )
