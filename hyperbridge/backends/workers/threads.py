"""Run trials in this process: one after the other as hyperopt does, or several in threads."""

from __future__ import annotations

import ctypes
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from hyperbridge.backends.base import OpenBackend
from hyperbridge.documents import Outcome, Trial
from hyperbridge.run.dispatch import cancelled, drive
from hyperbridge.run.evaluation import evaluate
from hyperbridge.run.limits import StopReason
from hyperbridge.run.objective import Objective
from hyperbridge.run.pool import ThreadPool
from hyperbridge.run.run import FminRun
from hyperbridge.worker.prints import Catching, take_log

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

    def execute(self, run: FminRun) -> None:
        """Run trials until the FminRun ends. See `OpenBackend.execute`."""
        with Catching() if run.keeps_logs else nullcontext():
            self._execute(run)

    def _execute(self, run: FminRun) -> None:
        if self.parallelism > 1:
            drive(run, _Pool(self, run))
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
                outcome = cancelled(str(exc) or type(exc).__name__)
                run.settle(running, replace(outcome, log=take_log()))
            raise

    def evaluate(self, run: FminRun, trial: Trial) -> Outcome:
        """Run one trial on this thread.

        Raises:
            BaseException: What the objective raised that is not an Exception (KeyboardInterrupt,
                SystemExit): as in hyperopt, that ends the search.
        """
        return evaluate(run, self._objective, trial, self._trials)


class _Pool(ThreadPool):
    """The trials of one call on threads of this process."""

    def __init__(self, opened: OpenThreads, run: FminRun) -> None:
        super().__init__(run, "hyperbridge-trial")
        self._opened = opened

    def evaluate(self, trial: Trial) -> Outcome:
        return self._opened.evaluate(self.run, trial)

    def cancel(self) -> bool:
        """Interrupt the trials when the search failed; else let them end."""
        if self.run.stop_reason not in (StopReason.USER, StopReason.ERROR):
            return False
        return super().cancel()

    def stop(self) -> bool:
        for thread in self.threads:  # reaches Python code, not a blocking call
            if thread.ident is not None and thread.is_alive():
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread.ident), ctypes.py_object(KeyboardInterrupt)
                )
        return True

    def close(self) -> None:
        self.dismiss()
        self.join(_INTERRUPT_WAIT_S if self.is_cancelled else None)
