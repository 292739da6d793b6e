"""Slots that are threads: one for each trial that runs at once, whatever evaluates the trial."""

from __future__ import annotations

import queue
import threading
import time
from abc import abstractmethod
from collections.abc import Callable

from hyperbridge.documents import Outcome, Trial
from hyperbridge.run.dispatch import Report, Slots, cancelled
from hyperbridge.run.run import FminRun


class ThreadPool(Slots):
    """A thread per slot, fed through one queue; threads start as they are needed.

    Args:
        run: The call of fmin; its largest capacity is the number of threads.
        name: What the threads' names begin with.

    Attributes:
        is_cancelled: Whether `cancel` was called.
    """

    def __init__(self, run: FminRun, name: str) -> None:
        self.run = run
        self.is_cancelled = False
        self._name = name
        self._work: queue.SimpleQueue[tuple[Trial, Report] | None] = queue.SimpleQueue()
        self.threads: list[threading.Thread] = []

    @abstractmethod
    def evaluate(self, trial: Trial) -> Outcome:
        """Run one trial, on a thread of the pool, and wait for it.

        Raises:
            BaseException: What ends the whole search: it is not the trial's fault.
        """

    @abstractmethod
    def stop(self) -> bool:
        """Cancel all that runs. See `Slots.cancel`."""

    def wrap(self, serve: Callable[[], None]) -> Callable[[], None]:
        """Return what a new thread calls; on the thread that called fmin."""
        return serve

    def leave(self) -> None:
        """Release what `evaluate` keeps for the calling thread, which ends now."""

    def start(self, trial: Trial, report: Report) -> None:
        """Give a trial to a thread. See `Slots.start`."""
        self._work.put((trial, report))
        if len(self.threads) < self.run.capacity:
            name = f"{self._name}-{len(self.threads)}"
            serve = self.wrap(self._serve)
            thread = threading.Thread(target=self._guard, args=(serve,), name=name, daemon=True)
            self.threads.append(thread)
            thread.start()

    def _guard(self, serve: Callable[[], None]) -> None:
        """Run a slot; when its thread cannot be set up, say so for a trial that waits."""
        try:
            serve()
        except BaseException as exc:  # noqa: BLE001 - for the thread that called fmin
            if self.is_cancelled:  # it was interrupted between two trials
                return
            try:
                item = self._work.get_nowait()
            except queue.Empty:
                raise exc from None
            if item is not None:
                trial, report = item
                report(trial, exc)

    def _serve(self) -> None:
        try:
            while (item := self._work.get()) is not None:
                trial, report = item
                try:
                    report(trial, self.evaluate(trial))
                except BaseException as exc:  # noqa: BLE001 - for the thread that called fmin
                    report(trial, exc)
        finally:
            self.leave()

    def why_cancelled(self) -> Outcome:
        """Return the outcome of a trial that `cancel` has ended."""
        reason = self.run.stop_reason
        return cancelled("stopped" if reason is None else reason.value)

    def cancel(self) -> bool:
        """Cancel all that runs. See `Slots.cancel`."""
        self.is_cancelled = True
        return self.stop()

    def join(self, timeout_s: float | None) -> bool:
        """Wait until all threads have ended.

        Args:
            timeout_s: The seconds that the wait for all of them takes at most; None for no limit.

        Returns:
            Whether all have ended.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        for thread in self.threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self.threads)

    def close(self) -> None:
        """Let the threads end, and wait for them. See `Slots.close`."""
        self.dismiss()
        self.join(None)

    def dismiss(self) -> None:
        """Tell the threads to end after what they are doing."""
        for _ in self.threads:
            self._work.put(None)
