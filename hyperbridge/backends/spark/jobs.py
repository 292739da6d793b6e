"""Trials as Spark jobs: a thread per slot, whatever the kind of session.

What differs between a session with a SparkContext and a Spark Connect session is a `JobRunner`;
the rest (threads, cancellation, telling a cancelled job from a lost worker) is here, once.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from hyperbridge.backends.base import OpenBackend
from hyperbridge.backends.spark.advice import (
    explain_failure,
    explain_unusable,
    first_cause,
)
from hyperbridge.backends.spark.slots import warn_if_random
from hyperbridge.documents import Failure, Outcome, Trial
from hyperbridge.errors import BackendUnavailableError, WorkerLostError
from hyperbridge.run.capacity import Capacity, capacity_of, watch_slots
from hyperbridge.run.dispatch import cancelled, drive
from hyperbridge.run.observer import TrialAttachment
from hyperbridge.run.pool import ThreadPool
from hyperbridge.run.run import FminRun
from hyperbridge.run.shipping import unpack_outcome
from hyperbridge.worker.numbers import portable
from hyperbridge.worker.runtime import Message

logger = logging.getLogger(__name__)

_CANCEL_AGAIN_S = 0.2
_CANCEL_S = 60.0
_PAUSE_S = 2.0
"""How long a lost trial waits for its next attempt.

An executor that shuts down ends its Python workers first, and gets tasks until the driver hears of
it.
"""
_ENDED = "its process or its executor ended, and Spark has started its task again"


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


NOT_AGAIN = b""
"""What a task reports that Spark has started again. The trial does not run a second time in it.

Spark repeats a task up to spark.task.maxFailures times when its worker or executor is lost, as if
nothing had happened. The FminRun decides about that, and about what the first attempt has left.
"""


def repeats_of(get: Callable[[str, str], Any]) -> bool:
    """Tell whether a second start of a task need not mean that the first was lost.

    Spark starts a copy of a task that runs long when speculation is on, which for a job of one task
    needs both settings.

    Args:
        get: Returns a setting of Spark's, or the default.
    """
    is_on = str(get("spark.speculation", "false")).lower() == "true"
    return is_on and bool(get("spark.speculation.task.duration.threshold", ""))


class JobRunner(ABC):
    """Submits jobs of one task on one kind of Spark session, for one run.

    Args:
        key: Names the run; a tag of all its jobs.

    Attributes:
        report_host: See `hyperbridge.backends.base.OpenBackend`.
    """

    report_host: str | None = None

    def __init__(self, key: str) -> None:
        self.key = key

    @abstractmethod
    def ship(self, attachments: list[TrialAttachment | None], limit_s: float | None) -> None:
        """Bring what the workers need to the cluster, once, before the first job.

        Args:
            attachments: What surrounds each objective.
            limit_s: Seconds after which a worker ends its trial, counted from when its task runs
                there and not while its job waits for a slot; None for no limit.
        """

    @abstractmethod
    def inherit(self, target: Callable[[], None]) -> Callable[[], None]:
        """Return a thread target that has the calling thread's local properties or tags."""

    @abstractmethod
    def run(self, message: Message) -> bytes:
        """Run one trial as a job and wait for its report, on a thread made with `inherit`.

        Returns:
            The report; `NOT_AGAIN` when Spark has started the task a second time.

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

    def why_lost(self, tid: int) -> str:  # noqa: ARG002 - a client does not hear of it
        """Return what Spark says of a task that it has started again; nothing where it is silent.

        Args:
            tid: The trial, whose job has ended.
        """
        return ""

    def tag_of(self, tid: int) -> str:
        """Return the tag of one trial's job."""
        return f"{self.key}-trial-{tid}"


def make_look(module: str) -> Callable[[Iterable[Any]], Iterator[bool]]:
    """Return the function of a task that tells whether its worker can import a module."""

    def look(iterator: Iterable[Any]) -> Iterator[bool]:
        import importlib.util

        for _ in iterator:
            pass
        yield importlib.util.find_spec(module) is not None

    look.__module__ = "__main__"  # pickled by value: workers do not have this module
    return look


class OpenSpark(OpenBackend):
    """One call of fmin on Spark.

    Args:
        runner: Submits the jobs.
        limit: Trials at once, at most.
        retries: How often a trial is tried again that was lost with its worker or executor.
        release: Called at the end.
        slots: Tasks that an elastic cluster can run at once now; None for any other.
        count: Returns that number at any time.
    """

    stops_trials = True

    def __init__(
        self,
        runner: JobRunner,
        limit: int,
        *,
        retries: int,
        release: Callable[[], None] | None = None,
        slots: int | None = None,
        count: Callable[[], int] | None = None,
    ) -> None:
        self.retries = retries
        self.report_host = runner.report_host
        self._runner = runner
        self._limit = limit
        self._release = release
        # With a limit of 1 the search is hyperopt's serial loop on any cluster.
        self._count = count if limit > 1 else None
        self.is_elastic = self._count is not None
        self.parallelism = limit
        if self.is_elastic and slots is not None:
            at_first = capacity_of(limit, slots)
            self.parallelism, self.in_line = at_first.parallelism, at_first.in_line

    def execute(self, run: FminRun) -> None:
        """Run trials until the FminRun ends. See `OpenBackend.execute`."""
        warn_if_random(run.capacity, run.limits.max_evals)
        self._runner.ship(run.attachments(), run.limits.trial_timeout)
        drive(run, _Pool(self._runner, run, pause_s=_PAUSE_S if self.retries else 0.0))

    def follow(self, resize: Callable[[Capacity], None]) -> AbstractContextManager[None]:
        """Follow the executors. See `OpenBackend.follow`."""
        if self._count is None:
            return super().follow(resize)
        return watch_slots(self._count, self._limit, resize, name=f"{self._runner.key}-slots")

    def close(self) -> None:
        """Leave the user's session as it was."""
        if self._release is not None:
            self._release()


def new_key() -> str:
    """Return a name for a run that no other run has."""
    return f"hyperbridge-{uuid.uuid4().hex[:12]}"


class _Pool(ThreadPool):
    """The trials of one call as jobs, each submitted by a thread of its own slot."""

    def __init__(self, runner: JobRunner, run: FminRun, *, pause_s: float) -> None:
        super().__init__(run, runner.key)
        self._runner = runner
        self._pause_s = pause_s
        self._is_stopping = threading.Event()

    def wrap(self, serve: Callable[[], None]) -> Callable[[], None]:
        inherited = self._runner.inherit(serve)

        def enter() -> None:
            with self._explaining():
                inherited()

        return enter

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        """Name the cause when the session was stopped: its errors take many forms."""
        try:
            yield
        except BackendUnavailableError:
            raise
        except BaseException as exc:
            if not self._runner.is_stopped():
                raise
            raise BackendUnavailableError(
                "Backend 'spark': the SparkSession was stopped while trials were running."
            ) from exc

    def evaluate(self, trial: Trial) -> Outcome:
        outcome = self._evaluate(trial)
        if outcome.kind == "lost":
            self._is_stopping.wait(self._pause_s)
        return outcome

    def _evaluate(self, trial: Trial) -> Outcome:
        with self._explaining():
            tokens: list[Any] = self.run.begin(trial)
            if self.is_cancelled:
                return cancelled("before it started")
            try:
                message = (trial.tid, portable(trial.assignment), tokens)
                report = self._runner.run(message)
            except JobFailedError as exc:
                return self._failed(exc)
            if report == NOT_AGAIN:
                reason = self._runner.why_lost(trial.tid)
                return _lost(first_cause(reason) if reason else _ENDED, reason)
            return unpack_outcome(report, advise=explain_failure)

    def _failed(self, exc: JobFailedError) -> Outcome:
        """Tell a cancelled job, a lost worker and an engine that cannot run trials apart."""
        if self.is_cancelled:
            return self.why_cancelled()
        if self._runner.is_stopped():
            raise exc
        if exc.cancelled:
            return cancelled("its Spark job was cancelled by somebody else")
        unusable = explain_unusable(exc.text)
        if unusable is not None:
            raise BackendUnavailableError(f"Backend 'spark': {unusable}") from exc
        return _lost(first_cause(exc.text), exc.text)

    def stop(self) -> bool:
        self._is_stopping.set()
        self._runner.cancel()
        return True

    def close(self) -> None:
        self.dismiss()
        deadline = time.monotonic() + _CANCEL_S
        while not self.join(_CANCEL_AGAIN_S if self.is_cancelled else None):
            if time.monotonic() > deadline:
                logger.warning("Spark has not ended cancelled jobs within %.0f s", _CANCEL_S)
                break
            self._runner.cancel()  # a job may have been being submitted while we cancelled
        if not self._runner.is_stopped():
            self._runner.close()


def _lost(cause: str, details: str = "") -> Outcome:
    text = f"the worker that ran the trial was lost: {cause}"
    error = WorkerLostError(text)
    traceback = f"{text}\n\n{details}" if details else f"{text}\n"
    return Outcome("lost", failure=Failure(str(type(error)), text, traceback, error))
