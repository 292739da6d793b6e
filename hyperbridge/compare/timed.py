"""Observers that time what lies between the driver and an objective, and the tracker's part."""

from __future__ import annotations

import time
from collections.abc import Callable

from hyperbridge.documents import Trial, TrialEnd
from hyperbridge.run.observer import FminEnd, FminInfo, Observer, TrialAttachment


class BothEnds:
    """Two observers, the first and the last one of a search, and what they have noted.

    Args:
        clock: Returns what times the objective, by the name ``outer`` or ``inner``: around what
            the other observers attach to a trial, or inside of it.

    Attributes:
        began: When the first observer heard that each trial begins.
        sent: When each trial was sent off, after what the observers did for it.
        ended: When its outcome was there.
    """

    def __init__(self, clock: Callable[[str], TrialAttachment]) -> None:
        self.began: dict[int, float] = {}
        self.sent: dict[int, float] = {}
        self.ended: dict[int, float] = {}
        self.outer: Observer = _End(self, "outer", clock("outer"))
        self.inner: Observer = _End(self, "inner", clock("inner"))

    @property
    def first(self) -> float | None:
        """When the first trial began; None when none did."""
        return min(self.began.values(), default=None)

    @property
    def last(self) -> float | None:
        """When the last outcome was there."""
        return max(self.ended.values(), default=None)


class _End:
    """One of the two."""

    def __init__(self, both: BothEnds, name: str, attached: TrialAttachment) -> None:
        self.name = f"the {name} clock of compare"
        self._both = both
        self._is_outer = name == "outer"
        self._attached = attached

    def run_started(self, info: FminInfo) -> None:
        """Nothing to do."""

    def attachment(self) -> TrialAttachment | None:
        return self._attached

    def trial_starting(self, trial: Trial) -> bytes | None:
        now = time.perf_counter()
        if self._is_outer:
            self._both.began.setdefault(trial.tid, now)
        else:
            self._both.sent[trial.tid] = now
        return b"%d" % trial.tid

    def trial_lost(self, trial: Trial) -> None:
        """Nothing to do: the next attempt is noted over it."""

    def trial_finished(self, end: TrialEnd) -> None:
        if self._is_outer and end.trial.tid in self._both.began:
            self._both.ended[end.trial.tid] = time.perf_counter()

    def parallelism_changed(self, parallelism: int) -> None:
        """Nothing to do."""

    def run_finished(self, end: FminEnd) -> None:
        """Nothing to do."""


class TimedObserver:
    """Another observer, timed.

    Args:
        observer: It hears what this one hears.

    Attributes:
        end_s: Seconds at the end of the search, in which what waits is written.
        of_trials: Seconds of each trial on the driver.
    """

    def __init__(self, observer: Observer) -> None:
        self.name = observer.name
        self.end_s = 0.0
        self.of_trials: dict[int, float] = {}
        self._observer = observer

    def run_started(self, info: FminInfo) -> None:
        """See `Observer.run_started`."""
        self._observer.run_started(info)

    def attachment(self) -> TrialAttachment | None:
        """See `Observer.attachment`."""
        return self._observer.attachment()

    def trial_starting(self, trial: Trial) -> bytes | None:
        """See `Observer.trial_starting`."""
        before = time.perf_counter()
        try:
            return self._observer.trial_starting(trial)
        finally:
            self._add(trial.tid, before)

    def trial_lost(self, trial: Trial) -> None:
        """See `Observer.trial_lost`."""
        self._observer.trial_lost(trial)

    def trial_finished(self, end: TrialEnd) -> None:
        """See `Observer.trial_finished`."""
        before = time.perf_counter()
        try:
            self._observer.trial_finished(end)
        finally:
            self._add(end.trial.tid, before)

    def parallelism_changed(self, parallelism: int) -> None:
        """See `Observer.parallelism_changed`."""
        self._observer.parallelism_changed(parallelism)

    def run_finished(self, end: FminEnd) -> None:
        """See `Observer.run_finished`."""
        before = time.perf_counter()
        try:
            self._observer.run_finished(end)
        finally:
            self.end_s += time.perf_counter() - before

    def _add(self, tid: int, before: float) -> None:
        self.of_trials[tid] = self.of_trials.get(tid, 0.0) + time.perf_counter() - before
