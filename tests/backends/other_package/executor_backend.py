"""A backend as another package brings it: trials on a ``concurrent.futures`` executor."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from hyperbridge.backends.base import Backend, OpenBackend
from hyperbridge.documents import Trial
from hyperbridge.run.dispatch import Report, Slots, drive
from hyperbridge.run.evaluation import evaluate
from hyperbridge.run.run import FminRun


class Executor(Backend):
    """Trials on the threads of an executor."""

    name: ClassVar[str] = "executor"
    help: ClassVar[str] = "on the threads of an executor"
    tracked: ClassVar[bool] = False

    def open(self, objective: Any, *, trials: Any, parallelism: int | None) -> OpenBackend:
        return OpenExecutor(objective, parallelism or 2, trials)


class OpenExecutor(OpenBackend):
    """One call of fmin."""

    def __init__(self, objective: Any, parallelism: int, trials: Any) -> None:
        self.objective = objective
        self.parallelism = parallelism
        self.trials = trials

    def execute(self, run: FminRun) -> None:
        drive(run, ExecutorSlots(self, run))


class ExecutorSlots(Slots):
    """The slots are the executor's threads."""

    def __init__(self, opened: OpenExecutor, run: FminRun) -> None:
        self.opened = opened
        self.run = run
        self.executor = ThreadPoolExecutor(opened.parallelism, thread_name_prefix="hyperbridge")

    def start(self, trial: Trial, report: Report) -> None:
        self.executor.submit(self.serve, trial, report)

    def serve(self, trial: Trial, report: Report) -> None:
        try:
            report(trial, evaluate(self.run, self.opened.objective, trial, self.opened.trials))
        except BaseException as exc:
            report(trial, exc)

    def cancel(self) -> bool:
        return False  # a thread cannot be stopped

    def close(self) -> None:
        self.executor.shutdown()
