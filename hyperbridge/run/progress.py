"""The observer that shows progress, right also when several trials run at once.

A custom ``show_progressbar`` keeps hyperopt's protocol: a context manager factory called with
``initial`` and ``total`` that yields an object with ``update(n)``; its ``postfix`` attribute is
set to the best loss.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable

from hyperbridge.documents import Trial, TrialEnd
from hyperbridge.run.displays import Custom, Display, ProgressFactory, Standing, make_display
from hyperbridge.run.observer import FminEnd, FminInfo, TrialAttachment
from hyperbridge.run.shown import shown_values


class Progress:
    """An observer that keeps a display up to date.

    Args:
        factory: The user's own, called as ``factory(initial=..., total=...)``; None for what fits
            to where standard output goes.
        initial: Trials done before this FminRun.
        total: ``max_evals``; None when there is no limit.
        best_loss: Returns the best loss so far, infinity when there is none.
    """

    name = "The progress bar"

    def __init__(
        self,
        factory: ProgressFactory | None,
        *,
        initial: int,
        total: int | None,
        best_loss: Callable[[], float],
    ) -> None:
        self._display: Display = (
            make_display(initial, total)
            if factory is None
            else Custom(factory(initial=initial, total=total))
        )
        self._best_loss = best_loss
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._several = False
        self._failed = 0
        self._pruned = 0
        self._best: float | None = None
        self._point: dict[str, str] = {}

    def run_started(self, info: FminInfo) -> None:
        """Show the bar."""
        self._several = info.is_elastic or info.actual_parallelism > 1
        self._decode = info.decode
        self._display.__enter__()

    def attachment(self) -> TrialAttachment | None:
        """Return None: nothing surrounds the objective."""
        return None

    def trial_starting(self, trial: Trial) -> bytes | None:
        """Count the trial as running; there is nothing to be done beside it."""
        with self._lock:
            self._running.add(trial.tid)
            self._display.started(self._standing())
        return None

    def trial_lost(self, trial: Trial) -> None:
        """Count the trial as waiting."""
        with self._lock:
            self._running.discard(trial.tid)

    def trial_finished(self, end: TrialEnd) -> None:
        """Advance the bar by one, whatever became of the trial."""
        with self._lock:
            self._running.discard(end.trial.tid)
            if end.status == "cancelled":
                return
            self._failed += end.status == "failure"
            self._pruned += end.status == "pruned"
            best = self._best_loss()
            if best != self._best and best != math.inf:
                self._best = best
                self._point = self._point_of(end.trial) if end.loss == best else {}
            self._display.ended(self._standing())

    def parallelism_changed(self, parallelism: int) -> None:
        """Do nothing: the bar counts trials."""

    def run_finished(self, end: FminEnd) -> None:
        """Close the bar."""
        error = end.error
        if error is None:
            self._display.__exit__(None, None, None)
        else:
            with contextlib.suppress(type(error)):  # a generator may raise it again
                self._display.__exit__(type(error), error, error.__traceback__)

    def _standing(self) -> Standing:
        running = len(self._running) if self._several else None
        return Standing(self._best, self._point, running, self._failed, self._pruned)

    def _point_of(self, trial: Trial) -> dict[str, str]:
        return shown_values(trial.assignment, self._decode(trial.assignment))
