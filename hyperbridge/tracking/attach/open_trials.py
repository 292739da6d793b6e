"""Know which trial a thread belongs to: the trials whose objectives run in this process.

A trial owns the thread that runs its objective, the threads that such a thread starts, and what
they submit to a thread pool. Where a process serves one trial at a time, it owns every other
thread, too. Processes that a trial starts are the subject of `child_processes`.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import importlib
import logging
import os
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

from hyperbridge.tracking.attach.child_processes import (
    OpenTrialsFile,
    Prepare,
    shell_commands,
    start_process,
    start_program,
    this_child_process,
)
from hyperbridge.tracking.attach.intercept import intercept
from hyperbridge.tracking.attach.trial import AttachedTrial

_MODULE = "_hyperbridge_trials"


def open_trials() -> OpenTrials:
    """Return the one object of this process; it outlives the code that a worker unpickles."""
    module = sys.modules.setdefault(
        _MODULE, types.ModuleType(_MODULE, "The trials that run in this process.")
    )
    found: OpenTrials | None = module.__dict__.get("open_trials")
    return found or module.__dict__.setdefault("open_trials", OpenTrials())


class OpenTrials:
    """The trials whose objectives run in this process now, and how to find that of a thread.

    Attributes:
        trials: They, the latest last.
        file: Tells the processes that they start which trials run.
        for_good: Contexts to stay in for the life of this process.
    """

    def __init__(self) -> None:
        self.for_good = contextlib.ExitStack()
        self.trials: list[AttachedTrial] = []
        self.file = OpenTrialsFile()
        self._lock = threading.RLock()
        self._of_context: contextvars.ContextVar[AttachedTrial | None] = contextvars.ContextVar(
            "hyperbridge_trial", default=None
        )
        self._watching = contextlib.ExitStack()
        self._has_warned = False
        self._staying = contextlib.ExitStack()
        self._stays = False

    @contextlib.contextmanager
    def opened(self, trial: AttachedTrial, prepare_process: Prepare) -> Iterator[None]:
        """Let a trial own this thread, and what it starts, for a while.

        Args:
            trial: The trial.
            prepare_process: Prepares processes that it starts.
        """
        with self._lock:
            if not self.trials:
                self.watch(prepare_process)
            self.trials.append(trial)
            self.file.write(self.trials)
        before = self._of_context.set(trial)
        try:
            yield
        finally:
            with contextlib.suppress(ValueError):  # left in another context than entered
                self._of_context.reset(before)
            with self._lock:
                trial.is_open = False
                self.trials.remove(trial)
                self.file.write(self.trials)
                if not self.trials:
                    self._watching.close()

    def current(self) -> AttachedTrial | None:
        """Return the trial that this thread belongs to; None when there is none, or no telling."""
        trial = self._of_context.get()
        if trial is not None and trial.process_id == os.getpid():
            return trial
        child = this_child_process()
        if child is not None:
            return child.trial_now()
        return trial if trial is not None else self._of_thread()

    def run_as(self, trial: AttachedTrial, fn: Callable[..., Any], /, *args: Any, **kw: Any) -> Any:
        """Call a function as a part of a trial, on any thread."""
        before = self._of_context.set(trial)
        try:
            return fn(*args, **kw)
        finally:
            self._of_context.reset(before)

    def stay_for_threads(
        self, hooked: Callable[[], contextlib.AbstractContextManager[None]]
    ) -> None:
        """Keep MLflow's hooks for the threads that outlive their trials, as long as there are any.

        Called when a trial has ended, before it lets go of the hooks itself.

        Args:
            hooked: Makes the context in which the hooks are in place.
        """
        starters = (each.__dict__.get("_hyperbridge_trial") for each in threading.enumerate())
        is_needed = any(trial is not None and not trial.is_open for trial in starters)
        with self._lock:
            if is_needed and not self._stays:
                self._staying.enter_context(hooked())
            elif not is_needed:
                self._staying.close()
            self._stays = is_needed

    def warn_once(self) -> None:
        """Say that something is logged of which nobody can tell which trial it belongs to."""
        if not self._has_warned:
            self._has_warned = True
            logging.getLogger("hyperbridge").warning(
                "MLflow: a thread logs while several trials run in this process, and it was "
                "started by none of them, so its run is not a trial's run. Start the thread "
                'inside the objective, or run trials in processes: Local(workers="processes").'
            )

    def _of_thread(self) -> AttachedTrial | None:
        thread = threading.current_thread()
        starter: AttachedTrial | None = thread.__dict__.get("_hyperbridge_trial")
        if starter is not None and (starter.is_open or not _is_pool_worker(thread)):
            return starter  # a thread that outlives its trial goes on logging to its run
        trials = self.trials
        if len(trials) == 1 and (trials[0].owns_process or starter is not None):
            return trials[0]
        return None

    def watch(self, prepare_process: Prepare) -> None:
        """Follow what threads start: other threads, tasks of pools, processes."""

        def start_child(original: Any, process: Any) -> Any:
            trial = self.current()
            return start_process(original, process, trial, self.file, self.trials, prepare_process)

        process = importlib.import_module("multiprocessing.process")
        pool = importlib.import_module("concurrent.futures.thread")
        subprocess = importlib.import_module("subprocess")
        for function, replacement in (
            (threading.Thread.start, _start_thread),
            (pool.ThreadPoolExecutor.submit, _submit),
            (process.BaseProcess.start, start_child),
            (subprocess.Popen.__init__, _start_program),
        ):
            with contextlib.suppress(ValueError, AttributeError):  # another library has wrapped it
                self._watching.enter_context(intercept(function, replacement))
        self._watching.enter_context(shell_commands(self.current))


def _is_pool_worker(thread: threading.Thread) -> bool:
    """Tell whether a thread is one of a ``multiprocessing.pool.ThreadPool``."""
    return type(thread).__module__ == "multiprocessing.dummy"


def _start_thread(original: Any, thread: Any, *args: Any, **kwargs: Any) -> Any:
    trial = open_trials().current()
    if trial is not None:
        thread._hyperbridge_trial = trial
    return original(thread, *args, **kwargs)


def _submit(original: Any, pool: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
    trials = open_trials()
    trial = trials.current()
    if trial is not None:
        fn = functools.partial(trials.run_as, trial, fn)
    return original(pool, fn, *args, **kwargs)


def _start_program(original: Any, *args: Any, **kwargs: Any) -> Any:
    return start_program(original, open_trials().current(), args, kwargs)
