"""Write to the store on background threads, and keep what it does not take for later."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from hyperbridge.tracking.forks import no_fork_within
from hyperbridge.tracking.store import StoreAwayError

_FIRST_DELAY_S = 0.25
_LAST_DELAY_S = 2.0
_JOIN_S = 5.0
_HURRIED_S = 10.0


@dataclass(eq=False)
class Job:
    """Steps to take in order; each is taken off once it is done.

    Attributes:
        name: What the steps are about, for example ``trial 3``.
        steps: Called without arguments; a step that raised `StoreAwayError` is repeated, so it
            must do no harm when it was done already.
        last: The step after them, which is also taken in a hurry; None for none.
    """

    name: str
    steps: deque[Callable[[], None]]
    last: Callable[[], None] | None = None


class BackgroundLogger:
    """Runs jobs in order of submission, several at once with several threads.

    While the store is away the jobs wait, and one is tried again after 0.25 to 2 seconds.

    Args:
        threads: How many.
        on_refusal: Called with the job and the error when a step raised anything else; the
            job goes on with its next step.
        on_away: Called with the job and the error when the store did not answer.
    """

    def __init__(
        self,
        *,
        threads: int,
        on_refusal: Callable[[Job, Exception], None],
        on_away: Callable[[Job, Exception], None],
    ) -> None:
        self._on_refusal = on_refusal
        self._on_away = on_away
        self._cond = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._working: set[Job] = set()
        self._closed = False
        self._is_hurried = False
        self._delay_s = 0.0
        self._resume_at = 0.0
        self._progress_at = 0.0
        self._threads = [
            threading.Thread(target=self._work, name=f"hyperbridge-mlflow-{n}", daemon=True)
            for n in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self, name: str, *steps: Callable[[], None], last: Callable[[], None] | None = None
    ) -> None:
        """Add a job and return at once."""
        with self._cond:
            self._waiting.append(Job(name, deque(steps), last))
            self._cond.notify()

    def hurry(self) -> None:
        """Take only the last steps from now on, and wait less for the store."""
        with self._cond:
            self._is_hurried = True
            self._resume_at = 0.0
            self._cond.notify_all()

    def flush(self, patience_s: float) -> list[str]:
        """Wait until all jobs are done, or the store has been away for too long.

        Args:
            patience_s: How long to wait without any progress.

        Returns:
            The names of the jobs that were given up.
        """
        with self._cond:
            self._progress_at = time.monotonic()
            self._resume_at = self._delay_s = 0.0
            self._cond.notify_all()
            while self._waiting or self._working:
                limit_s = min(patience_s, _HURRIED_S) if self._is_hurried else patience_s
                rest_s = self._progress_at + limit_s - time.monotonic()
                if rest_s <= 0:
                    break
                self._cond.wait(rest_s)
            given_up = [job.name for job in (*self._working, *self._waiting)]
            self._waiting.clear()
            return given_up

    def close(self) -> None:
        """End the threads; jobs that wait are dropped."""
        with self._cond:
            self._closed = True
            self._waiting.clear()
            self._cond.notify_all()
        deadline = time.monotonic() + _JOIN_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while (job := self._next()) is not None:
            away = False
            try:
                self._take(job)
            except StoreAwayError as exc:
                away = True
                self._on_away(job, exc)
            with self._cond:
                self._working.discard(job)
                if not away:
                    self._delay_s = self._resume_at = 0.0
                    self._progress_at = time.monotonic()
                elif not self._closed:
                    self._waiting.appendleft(job)
                    self._delay_s = min(max(_FIRST_DELAY_S, 2 * self._delay_s), _LAST_DELAY_S)
                    self._resume_at = time.monotonic() + self._delay_s
                self._cond.notify_all()

    def _next(self) -> Job | None:
        with self._cond:
            while not self._closed:
                rest_s = self._resume_at - time.monotonic()
                if self._waiting and rest_s <= 0:
                    job = self._waiting.popleft()
                    self._working.add(job)
                    return job
                self._cond.wait(rest_s if self._waiting else None)
            return None

    def _take(self, job: Job) -> None:
        while job.steps and not self._is_hurried:
            self._try(job, job.steps[0])
            job.steps.popleft()
        if job.last is not None:
            self._try(job, job.last)

    def _try(self, job: Job, step: Callable[[], None]) -> None:
        try:
            with no_fork_within():
                step()
        except StoreAwayError:
            raise
        except Exception as exc:  # noqa: BLE001 - a store plugin may raise anything
            self._on_refusal(job, exc)
