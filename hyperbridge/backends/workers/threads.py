"""Run trials in this process: one after the other as hyperopt does, or several in threads."""

from __future__ import annotations

import ctypes
import queue
import threading
from typing import Any

from hyperbridge.backends.base import OpenBackend
from hyperbridge.documents import Outcome, Trial
from hyperbridge.run.dispatch import Report, Slots, cancelled, drive
from hyperbridge.run.limits import StopReason
from hyperbridge.run.objective import Objective
from hyperbridge.run.run import Run, failure_of
from hyperbridge.worker.frames import format_users_part
from hyperbridge.worker.surroundings import Surroundings

_INTERRUPT_WAIT_S = 1.0


class OpenThreads(OpenBackend):
    """One call of fmin in this process.

    Args:
        objective: What the trials evaluate.
        trials: The Trials object, for objectives that use ``ctrl``.
        parallelism: Trials at once.
    """

    def __init__(self, objective: Objective, trials: Any, parallelism: int) -> None:
        self.parallelism = parallelism
        self._objective = objective
        self._trials = trials

    def execute(self, run: Run) -> None:
        """Run trials until the Run ends. See `OpenBackend.execute`."""
        if self.parallelism > 1:
            drive(run, _ThreadSlots(self, run))
            return
        running: Trial | None = None
        try:
            while (trial := run.ask()) is not None:
                running = trial
                outcome = self.evaluate(run, trial)
                running = None
                run.tell(trial, outcome)
        except BaseException as exc:
            run.abort(exc)
            if running is not None:
                run.settle(running, cancelled(str(exc) or type(exc).__name__))
            raise

    def evaluate(self, run: Run, trial: Trial) -> Outcome:
        """Run one trial on this thread.

        Raises:
            BaseException: What the objective raised that is no Exception (KeyboardInterrupt,
                SystemExit): as in hyperopt, that ends the search.
        """
        tokens = run.begin(trial)
        if not any(tokens):
            return self._evaluate(trial)
        with Surroundings(run.attachments(), tokens, shared_process=True):
            return self._evaluate(trial)

    def _evaluate(self, trial: Trial) -> Outcome:
        try:
            value = self._objective.evaluate(trial.assignment, trial.document, self._trials)
        except Exception as exc:  # noqa: BLE001 - a trial's failure is data
            return Outcome("raised", failure=failure_of(exc, format_users_part(exc)))
        return Outcome("returned", value=value)


class _ThreadSlots(Slots):
    """A thread per slot, fed through a queue."""

    def __init__(self, session: OpenThreads, run: Run) -> None:
        self._session = session
        self._run = run
        self._work: queue.SimpleQueue[tuple[Trial, Report] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._interrupted = False

    def start(self, trial: Trial, report: Report) -> None:
        if len(self._threads) < self._session.parallelism:
            name = f"hyperbridge-trial-{len(self._threads)}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        self._work.put((trial, report))

    def _serve(self) -> None:
        try:
            while (item := self._work.get()) is not None:
                trial, report = item
                try:
                    report(trial, self._session.evaluate(self._run, trial))
                except BaseException as exc:  # noqa: BLE001 - for the thread that called fmin
                    report(trial, exc)
        except KeyboardInterrupt:  # `cancel` found this thread between two trials
            if not self._interrupted:
                raise

    def cancel(self) -> bool:
        if self._run.stop_reason not in (StopReason.USER, StopReason.ERROR):
            return False
        self._interrupted = True
        for thread in self._threads:  # reaches Python code, not a blocking call
            if thread.ident is not None and thread.is_alive():
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread.ident), ctypes.py_object(KeyboardInterrupt)
                )
        return True

    def close(self) -> None:
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join(_INTERRUPT_WAIT_S if self._interrupted else None)
