"""A running trial as its objective's reports find it."""

from __future__ import annotations

import logging
import operator
import threading
import time
from typing import Any

from hyperbridge.worker.verdicts import Losses

Reports = list[tuple[int, float, int]]
"""Step, loss, and the time in milliseconds since the epoch, in the order of the reports."""


class OpenTrial:
    """The reports of one running trial.

    Args:
        verdict: Whether it should stop; see `hyperbridge.worker.verdicts`.
        known: What was known of other trials when it started.
        live: Where a process is the driver's own, or has a channel to it: takes the reports by
            ``known_after(losses, notes)``, and returns what is known now, or None.
    """

    def __init__(self, verdict: Any, known: Any, live: Any = None) -> None:
        self.losses = Losses()
        self.times: list[int] = []
        self._verdict = verdict
        self._known = known
        self._live = live
        self._answer = False
        self._n_judged = 0
        self._lock = threading.Lock()

    def report(self, loss: Any, step: Any) -> None:
        """Take a report."""
        try:
            value = float(loss)
        except (TypeError, ValueError) as exc:
            kind = TypeError if isinstance(exc, TypeError) else ValueError
            raise kind(f"report: the loss must be a number, got {loss!r}") from None
        with self._lock:
            number = self._next() if step is None else _whole(step)
            if number in self.losses:
                logging.getLogger("hyperbridge").warning(
                    "step %d was reported before; this report of it is ignored", number
                )
                return
            self.losses.add(number, value)
            self.times.append(int(time.time() * 1000))

    def should_prune(self) -> bool:
        """Tell whether the trial should stop; asked again without a new report, the same."""
        with self._lock:
            if len(self.losses) > self._n_judged:
                self._n_judged = len(self.losses)
                if self._live is not None:
                    latest = self._live.known_after(self.losses, self._verdict.notes)
                    self._known = self._known if latest is None else latest
                n_notes = len(self._verdict.notes)
                self._answer = bool(self._verdict(self.losses, self._known))
                if self._live is not None and len(self._verdict.notes) > n_notes:
                    self._live.known_after(self.losses, self._verdict.notes)
            return self._answer

    def last_step(self) -> int:
        """Return the highest step that was reported."""
        return self.losses.steps[-1]

    def _next(self) -> int:
        return self.losses.steps[-1] + 1 if self.losses else 0

    def close(self) -> None:
        """Leave the driver."""
        if self._live is not None:
            self._live.close()

    def account(self) -> tuple[Reports, list[float]]:
        """Return the reports, and what else the driver must know."""
        with self._lock:
            reports = [(step, loss, t) for (step, loss), t in zip(self.losses.items(), self.times)]  # noqa: B905 - 3.9 workers
            return reports, list(self._verdict.notes)


def _whole(step: Any) -> int:
    try:
        number = int(operator.index(step))
    except TypeError:
        if not (isinstance(step, float) and step.is_integer()):
            raise TypeError(f"report: step must be a whole number, got {step!r}") from None
        number = int(step)
    if number < 0:
        raise ValueError(f"report: step must be at least 0, got {step!r}")
    return number
