"""Trials as Spark jobs: a thread per slot, whatever the kind of session.

What differs between a session with a SparkContext and a Spark Connect session is a `JobRunner`;
the rest (threads, cancellation, telling a cancelled job from a lost worker) is here, once.
"""

from __future__ import annotations

import logging
import queue
import re
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from hyperbridge.backends.base import OpenBackend
from hyperbridge.backends.spark.advice import explain_unusable
from hyperbridge.backends.spark.slots import warn_if_random
from hyperbridge.documents import Failure, Outcome, Trial
from hyperbridge.errors import BackendUnavailableError, WorkerLostError
from hyperbridge.run.blame import DRIVER_ONLY_ADVICE
from hyperbridge.run.dispatch import Report, Slots, cancelled, drive
from hyperbridge.run.observer import TrialAttachment
from hyperbridge.run.run import Run
from hyperbridge.run.shipping import unpack_outcome
from hyperbridge.worker.numbers import portable
from hyperbridge.worker.runtime import Message

logger = logging.getLogger(__name__)

_CANCEL_AGAIN_S = 0.2


class JobFailedError(Exception):
    """A job ended without a report.

    Args:
        text: What Spark said.
        cancelled: Whether Spark says that the job was cancelled.
    """

    def __init__(self, text: str, *, cancelled: bool) -> None:
        super().__init__(text)
        self.text = text
        self.cancelled = cancelled


class JobRunner(ABC):
    """Submits jobs of one task on one kind of Spark session, for one run.

    Args:
        key: Names the run; a tag of all its jobs.
    """

    def __init__(self, key: str) -> None:
        self.key = key

    @abstractmethod
    def ship(self, attachments: list[TrialAttachment | None]) -> None:
        """Bring what the workers need to the cluster, once, before the first job."""

    @abstractmethod
    def inherit(self, target: Callable[[], None]) -> Callable[[], None]:
        """Return a thread target that has the calling thread's local properties or tags."""

    @abstractmethod
    def run(self, message: Message) -> bytes:
        """Run one trial as a job and wait for its report, on a thread made with `inherit`.

        Raises:
            JobFailedError: The job was cancelled, or its worker was lost.
        """

    @abstractmethod
    def cancel(self) -> None:
        """Cancel all jobs of the run; safe from any thread, also when there is none."""

    @abstractmethod
    def is_stopped(self) -> bool:
        """Tell whether the session has been stopped."""

    @abstractmethod
    def close(self) -> None:
        """Take back what `ship` brought."""

    def tag_of(self, tid: int) -> str:
        """Return the tag of one trial's job."""
        return f"{self.key}-trial-{tid}"


class OpenSpark(OpenBackend):
    """One call of fmin on Spark.

    Args:
        runner: Submits the jobs.
        parallelism: Trials at once.
        release: Called at the end.
    """

    def __init__(
        self, runner: JobRunner, parallelism: int, release: Callable[[], None] | None = None
    ) -> None:
        self.parallelism = parallelism
        self._runner = runner
        self._release = release

    def execute(self, run: Run) -> None:
        """Run trials until the Run ends. See `OpenBackend.execute`."""
        warn_if_random(self.parallelism, run.limits.max_evals)
        self._runner.ship(run.attachments())
        drive(run, _JobSlots(self._runner, run))

    def close(self) -> None:
        """Leave the user's session as it was."""
        if self._release is not None:
            self._release()


def new_key() -> str:
    """Return a name for a run that no other run has."""
    return f"hyperbridge-{uuid.uuid4().hex[:12]}"


class _JobSlots(Slots):
    """A thread per slot, fed through a queue; threads start as they are needed."""

    def __init__(self, runner: JobRunner, run: Run) -> None:
        self._runner = runner
        self._run = run
        self._work: queue.SimpleQueue[tuple[Trial, Report] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._cancelled = threading.Event()

    def start(self, trial: Trial, report: Report) -> None:
        if len(self._threads) < self._run.capacity:
            name = f"{self._runner.key}-{len(self._threads)}"
            serve = self._runner.inherit(self._serve)
            thread = threading.Thread(target=self._guard, args=(serve,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        self._work.put((trial, report))

    def _guard(self, serve: Callable[[], None]) -> None:
        """Run a slot; when its thread cannot be set up, say so for the trial that waits."""
        try:
            serve()
        except BaseException as exc:  # noqa: BLE001 - handed to the thread that called fmin
            if (item := self._work.get()) is not None:
                trial, report = item
                report(trial, self._explain(exc))

    def _serve(self) -> None:
        while (item := self._work.get()) is not None:
            trial, report = item
            try:
                report(trial, self._run_job(trial))
            except BaseException as exc:  # noqa: BLE001 - handed to the thread that called fmin
                report(trial, self._explain(exc))

    def _explain(self, exc: BaseException) -> BaseException:
        """Name the cause of errors that a session stopped under our feet makes in many forms."""
        if isinstance(exc, BackendUnavailableError) or not self._runner.is_stopped():
            return exc
        error = BackendUnavailableError(
            "Backend 'spark': the SparkSession was stopped while trials were running."
        )
        error.__cause__ = exc
        return error

    def _run_job(self, trial: Trial) -> Outcome:
        tokens: list[Any] = self._run.begin(trial)
        if self._cancelled.is_set():
            return cancelled("before it started")
        try:
            report = self._runner.run((trial.tid, portable(trial.assignment), tokens))
        except JobFailedError as exc:
            return self._lost(exc)
        return unpack_outcome(report, advise=_advise)

    def _lost(self, exc: JobFailedError) -> Outcome:
        """Tell a cancelled job, a lost worker and an engine that cannot run trials apart."""
        if self._cancelled.is_set():
            reason = self._run.stop_reason
            return cancelled(reason.value if reason is not None else "stopped")
        if self._runner.is_stopped():
            raise exc
        if exc.cancelled:
            return cancelled("its Spark job was cancelled by somebody else")
        unusable = explain_unusable(exc.text)
        if unusable is not None:
            raise BackendUnavailableError(f"Backend 'spark': {unusable}") from exc
        cause = first_cause(exc.text)
        error = WorkerLostError(f"the worker that ran the trial was lost: {cause}")
        return Outcome("lost", failure=Failure(str(type(error)), str(error), exc.text, error))

    def cancel(self) -> bool:
        self._cancelled.set()
        self._runner.cancel()
        return True

    def close(self) -> None:
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join(_CANCEL_AGAIN_S if self._cancelled.is_set() else None)
            while thread.is_alive():  # a job that was being submitted while we cancelled
                self._runner.cancel()
                thread.join(_CANCEL_AGAIN_S)
        if not self._runner.is_stopped():
            self._runner.close()


# Errors with a name (classic and Connect), what has no session to give, and the bare assertions
# and attribute errors that pyspark's own driver-side code ends with in a worker.
_DRIVER_ONLY = re.compile(
    r"CONTEXT_ONLY_VALID_ON_DRIVER|NO_ACTIVE_SESSION"
    r"|(?:getActiveSession\(\)|_active_spark_context)\.[^\n]*\n(?:[ ~^]*\n)?AttributeError: 'NoneT"
    r"|File \"[^\"]*/pyspark/(?:ml|mllib|sql|pandas|core/context|java_gateway)\b[^\"]*\", line \d+"
    r"[^\n]*\n(?:    [^\n]*\n)*(?:AssertionError|AttributeError|RuntimeError)\b"
)


def _advise(traceback: str) -> str | None:
    """Say what to do about an objective that used Spark inside its task.

    Examples:
        >>> _advise("ValueError: not about Spark") is None
        True
    """
    return DRIVER_ONLY_ADVICE if _DRIVER_ONLY.search(traceback) else None


def first_cause(text: str) -> str:
    r"""Return the line of Spark's message that says what happened, at most 500 characters.

    Examples:
        >>> first_cause("An error\nPython worker exited unexpectedly (crashed)\n\tat Foo")
        'Python worker exited unexpectedly (crashed)'
    """
    lines = [line.strip(" \t:") for line in text.splitlines() if line.strip()]
    for line in lines:
        if "Python worker exited" in line or "ExecutorLostFailure" in line:
            return line[:500]
    return (lines[1] if len(lines) > 1 else lines[0] if lines else "no message")[:500]
