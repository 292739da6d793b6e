"""The event loop between a FminRun and an engine that runs trials in slots.

There is no polling: the loop sleeps until a trial ends, slots come or go, the timeout comes or the
user interrupts, and a finished trial or a new slot starts the next one at once.
"""

from __future__ import annotations

import queue
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

from hyperbridge.documents import Failure, Outcome, Trial
from hyperbridge.errors import TrialCancelledError, TrialTimeoutError
from hyperbridge.run.run import FminRun

Inbox: TypeAlias = "queue.SimpleQueue[tuple[Trial, Outcome | BaseException] | None]"
"""None says that the capacity has changed."""

_LONGEST_WAIT_S = 24 * 3600.0  # a queue refuses to wait for centuries, a user's timeout may not

Report = Callable[[Trial, "Outcome | BaseException"], None]


def cancelled(reason: str) -> Outcome:
    """Return the outcome of a trial that was stopped.

    Examples:
        >>> cancelled("fmin run timeout").failure.message
        'cancelled: fmin run timeout'
    """
    error = TrialCancelledError(f"cancelled: {reason}")
    return Outcome("cancelled", failure=Failure(str(type(error)), str(error), f"{error}\n", error))


def overdue(limit_s: float) -> Outcome:
    """Return the outcome of a trial that was stopped at its own time limit.

    Examples:
        >>> overdue(60.0).failure.message
        'the trial was stopped because it ran longer than its limit of 60 s (trial_timeout)'
    """
    error = TrialTimeoutError(
        f"the trial was stopped because it ran longer than its limit of {limit_s:g} s "
        "(trial_timeout)"
    )
    return Outcome("overdue", failure=Failure(str(type(error)), str(error), f"{error}\n", error))


class Slots(ABC):
    """Where trials run, ``FminRun.capacity`` at once.

    Every started trial is reported exactly once unless it was cancelled: by its outcome, or by
    an exception that ends the whole search because it is not the trial's fault. One that is
    reported as lost may be started again. `start`, `cancel` and `close` are called from one thread.
    """

    @abstractmethod
    def start(self, trial: Trial, report: Report) -> None:
        """Start a trial and return at once; ``report`` may be called from any thread."""

    @abstractmethod
    def cancel(self) -> bool:
        """Cancel all that runs.

        Returns:
            True when the trials are over or will be within moments, so that nobody needs to
            wait for their reports; False when they cannot be stopped and have to be awaited.
        """

    @abstractmethod
    def close(self) -> None:
        """Release threads and jobs. Called once, also after an error."""


def drive(run: FminRun, slots: Slots) -> None:
    """Move trials from the FminRun to the slots and their outcomes back, until the FminRun ends.

    Raises:
        KeyboardInterrupt: The user's; running trials are cancelled, the FminRun has stopped.
        BaseException: Whatever the engine or a function of the user's (the search, the early
            stop function) raised; likewise.
    """
    inbox: Inbox = queue.SimpleQueue()
    running: dict[int, Trial] = {}  # by the trial itself: documents may come with equal ids

    def report(trial: Trial, outcome: Outcome | BaseException) -> None:
        inbox.put((trial, outcome))

    def receive(timeout_s: float | None) -> None:
        item = inbox.get(timeout=timeout_s)
        if item is None:
            return
        trial, outcome = item
        if isinstance(outcome, BaseException):
            raise outcome
        if id(trial) not in running:
            return
        if run.takes_again(trial, outcome):
            slots.start(trial, report)
        else:
            del running[id(trial)]
            run.tell(trial, outcome)

    run.on_resize = lambda: inbox.put(None)
    try:
        while True:
            while len(running) < run.capacity and (trial := run.ask()) is not None:
                running[id(trial)] = trial
                slots.start(trial, report)
            if not running or run.should_cancel():
                break
            remaining_s = run.remaining_s()
            try:
                receive(None if remaining_s is None else min(remaining_s, _LONGEST_WAIT_S))
            except queue.Empty:
                continue
        if running and not slots.cancel():
            while running:
                receive(None)
    except BaseException as exc:
        run.abort(exc)
        slots.cancel()
        raise
    finally:
        try:
            slots.close()
        finally:
            _settle(run, running, inbox)


def _settle(run: FminRun, running: dict[int, Trial], inbox: Inbox) -> None:
    """Keep what finished in the meantime; what did not is cancelled."""
    while running:
        try:
            item = inbox.get_nowait()
        except queue.Empty:
            break
        if item is None:
            continue
        trial, outcome = item
        if not isinstance(outcome, BaseException) and running.pop(id(trial), None) is not None:
            run.settle(trial, outcome)
    reason = run.stop_reason.value if run.stop_reason is not None else "unknown"
    for trial in running.values():
        run.settle(trial, cancelled(reason))
    running.clear()
