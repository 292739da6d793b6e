"""Have MLflow's fluent API ask which trial the calling thread belongs to.

Source: mlflow.tracking.fluent, whose functions look up their run stack, a thread-local variable
of the module, at each call.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from hyperbridge.tracking.attach.imports import call_after_import
from hyperbridge.tracking.attach.intercept import Replacement, intercept
from hyperbridge.tracking.attach.open_trials import open_trials
from hyperbridge.tracking.attach.trial import STRAY_TAG

_STACK = "_active_run_stack"
_RUN_ID = "MLFLOW_RUN_ID"
_QUEUE_CALLS = (
    "log_batch_async",
    "shut_down_async_logging",
    "flush_async_logging",
    "end_async_logging",
)
"""The store's methods that use its queue for asynchronous logging, which is not thread-safe."""


class RunStacks:
    """Takes the place of MLflow's thread-local run stack.

    Args:
        original: MLflow's own, for threads that belong to no trial.
    """

    def __init__(self, original: Any) -> None:
        self.original = original

    def get(self) -> Any:
        """Return the runs that are active on this thread, the latest last."""
        trial = open_trials().current()
        return self.original.get() if trial is None else trial.runs

    def set(self, value: Any) -> None:
        """Replace the runs of this thread."""
        trial = open_trials().current()
        if trial is None:
            self.original.set(value)
        else:
            trial.runs[:] = value

    def get_all_thread_values(self) -> dict[int, Any]:
        """Return the runs of the threads that belong to the same trial as this one."""
        trial = open_trials().current()
        if trial is None:
            return self.original.get_all_thread_values()  # type: ignore[no-any-return]
        return dict(enumerate(trial.stacks()))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


class _OthersRunId:
    """Takes the place of MLflow's variable MLFLOW_RUN_ID in this process.

    A trial sets it for programs that it starts; MLflow in this process must not see it.

    Args:
        original: MLflow's own.
    """

    def __init__(self, original: Any) -> None:
        self.original = original

    def get(self) -> Any:
        """Return the variable's value unless a trial has set it."""
        found = self.original.get()
        trial = open_trials().current()
        ours = None if trial is None else trial.environment.get(_RUN_ID)
        return None if found == ours else found

    def unset(self) -> None:
        """Remove the variable unless a trial has set it."""
        if self.get() is not None:
            self.original.unset()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


@contextlib.contextmanager
def hooked() -> Iterator[None]:
    """Keep the hooks in place for a while; MLflow is loaded, and contexts may overlap."""
    fluent = importlib.import_module("mlflow.tracking.fluent")
    state = fluent.__dict__.setdefault(
        "_hyperbridge", SimpleNamespace(lock=threading.Lock(), users=0, stack=None)
    )
    with state.lock:
        if state.users == 0:
            state.stack = _hook(fluent)
        state.users += 1
    try:
        yield
    finally:
        with state.lock:
            state.users -= 1
            if state.users == 0:
                state.stack.close()


def _hook(fluent: Any) -> contextlib.ExitStack[Any]:
    with contextlib.ExitStack() as stack:
        stack.enter_context(intercept(fluent.start_run, _start_run))
        stack.enter_context(intercept(fluent.end_run, _end_run))
        stack.enter_context(intercept(fluent.ActiveRun.__exit__, _leave_run))
        store = importlib.import_module("mlflow.store.tracking.abstract_store").AbstractStore
        in_turn = _in_turn()
        for name in _QUEUE_CALLS:
            stack.enter_context(intercept(vars(store)[name], in_turn))
        for name, kind in ((_STACK, RunStacks), (_RUN_ID, _OthersRunId)):
            original = vars(fluent)[name]
            stack.callback(vars(fluent).__setitem__, name, original)
            vars(fluent)[name] = kind(original)
        return stack.pop_all()


@contextlib.contextmanager
def fresh_thread_state() -> Iterator[None]:
    """Give the thread-local variables of the fluent API their initial values for a while."""
    fluent = importlib.import_module("mlflow.tracking.fluent")
    kind = type(fluent._last_active_run_id)
    with contextlib.ExitStack() as stack:
        for variable in list(vars(fluent).values()):
            if isinstance(variable, kind):
                stack.callback(variable.set, variable.get())
                variable.set(variable.default_factory())
        yield


def prepare_process() -> None:
    """Prepare a process that a trial has started; called in it, before its first line."""
    trials = open_trials()
    trials.watch(prepare_process)
    hooks = hooked()
    if "mlflow" in sys.modules:
        trials.for_good.enter_context(hooks)
    else:
        trials.for_good.enter_context(
            call_after_import("mlflow", lambda: trials.for_good.enter_context(hooks))
        )


def _start_run(original: Any, *args: Any, **kwargs: Any) -> Any:
    trials = open_trials()
    trial = trials.current()
    given = inspect.signature(original).bind(*args, **kwargs).arguments
    if trial is not None:
        return trial.start_run(original, given)
    if trials.trials and _is_implicit():
        trials.warn_once()
        parents = {(trial.parent_run_id, trial.fmin_uuid) for trial in trials.trials}
        if len(parents) == 1:
            ((parent_id, fmin_uuid),) = parents
            if parent_id is not None:
                given["tags"] = {"mlflow.parentRunId": parent_id, STRAY_TAG: fmin_uuid}
    return original(**given)


def _is_implicit() -> bool:
    """Tell whether a logging call starts the run, because none is active."""
    frame = sys._getframe(1)
    for _ in range(6):
        if frame.f_code.co_name == "_get_or_start_run":
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False


def _end_run(original: Any, *args: Any, **kwargs: Any) -> Any:
    trial = open_trials().current()
    if trial is None or not trial.end_run():
        return original(*args, **kwargs)
    return None


def _leave_run(original: Any, run: Any, kind: Any, error: Any, traceback: Any) -> Any:
    trial = open_trials().current()
    if trial is None or not trial.leave_run(run, failed=kind is not None):
        return original(run, kind, error, traceback)
    return kind is None


def _in_turn() -> Replacement:
    """Return a replacement that lets one thread at a time call any of the functions.

    A run that ends shuts the queue down, also in the middle of another thread's call, whose
    objective would fail with "cannot schedule new futures after shutdown".
    """
    # A forked process must not find the lock as another thread of its parent held it.
    locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)

    def call(original: Any, *args: Any, **kwargs: Any) -> Any:
        with locks[os.getpid()]:
            return original(*args, **kwargs)

    return call
