"""Decide from a trial's own losses, and from what was known of others, whether it should stop.

A verdict needs no channel to the driver: what it must know of other trials is a few numbers, which
travel with the trial. The rules are those of Optuna's pruners, for a loss that is minimised.
Source: the reference of ``optuna.pruners``; Li et al., "A System for Massively Parallel
Hyperparameter Tuning" (2020), for successive halving.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any


class Losses(dict[int, float]):
    """The losses that a trial has reported, by step, in the order of the reports.

    What verdicts ask of it costs the same at any number of reports, if their steps rise.

    Attributes:
        steps: The steps that were reported, sorted.

    Examples:
        >>> losses = Losses([(0, 0.9), (2, 0.4), (1, 0.5)])
        >>> losses.steps, losses.least_to(2), losses.least_to(3)
        ([0, 1, 2], 0.5, 0.4)
    """

    def __init__(self, reports: Iterable[tuple[int, float]] = ()) -> None:
        super().__init__()
        self.steps: list[int] = []
        self._least: list[float] = []  # of this step and those before it, NaN aside
        for step, loss in reports:
            self.add(step, loss)

    def add(self, step: int, loss: float) -> None:
        """Take the loss of a step that was not reported before."""
        self[step] = loss
        place = len(self.steps)
        if self.steps and step < self.steps[-1]:
            place = bisect_left(self.steps, step)
        self.steps.insert(place, step)
        before = self._least[place - 1] if place else math.nan
        self._least.insert(place, least((before, loss)))
        for later in range(place + 1, len(self._least)):
            if self._least[later] <= loss or math.isnan(loss):
                break
            self._least[later] = loss

    def least_to(self, n_steps: int) -> float:
        """Return the lowest loss of the first ``n_steps`` steps; NaN when there is none."""
        return self._least[n_steps - 1]


class Verdict:
    """Whether one trial should stop.

    Args:
        settings: The settings of the rule, the same for all trials.

    Attributes:
        notes: What others must know of this trial beside its losses: its losses at the rungs of
            successive halving.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.notes: list[float] = []

    def __call__(self, losses: Losses, known: Any) -> bool:
        """Tell whether to stop, after a report.

        Args:
            losses: At least one.
            known: What the rule knows of other trials; None when that is not enough yet.
        """
        raise NotImplementedError


class Never(Verdict):
    """No trial is stopped."""

    def __call__(self, losses: Losses, known: Any) -> bool:  # noqa: ARG002
        """Return False."""
        return False


class Percentile(Verdict):
    """Stop when the best loss so far is above a percentile of others' losses at this step.

    ``known`` is that percentile by step, for the steps where enough trials have reported.
    """

    def __call__(self, losses: Losses, known: Any) -> bool:
        """See `Verdict`."""
        if known is None or not _is_due(self.settings, losses):
            return False
        best = losses.least_to(len(losses))
        if math.isnan(best):
            return True
        limit = known.get(losses.steps[-1])
        return limit is not None and best > limit


class Halving(Verdict):
    """Stop at a rung where the loss is not among the best of those that came to it.

    ``known`` is ``(min_resource, early, rungs)``: the step of the first rung, the number of rungs
    that are left out, and for each rung the limit for one more trial and how many came to it.
    """

    def __call__(self, losses: Losses, known: Any) -> bool:
        """See `Verdict`."""
        if known is None:
            return False
        min_resource, early, rungs = known
        step = losses.steps[-1]
        loss = losses[step]
        while step >= min_resource * self.settings["reduction_factor"] ** (early + len(self.notes)):
            if math.isnan(loss):
                return True
            rung = len(self.notes)
            self.notes.append(loss)
            limit, n_others = rungs[rung] if rung < len(rungs) else (math.inf, 0)
            if n_others + 1 <= self.settings["bootstrap_count"] or not loss <= limit:
                return True
        return False


class Bounds(Verdict):
    """Stop when a loss is beyond fixed bounds. Nothing of other trials is known."""

    def __call__(self, losses: Losses, known: Any) -> bool:  # noqa: ARG002
        """See `Verdict`."""
        if not _is_due(self.settings, losses):
            return False
        loss = losses[losses.steps[-1]]
        return math.isnan(loss) or not self.settings["lower"] <= loss <= self.settings["upper"]


def _is_due(settings: dict[str, Any], losses: Losses) -> bool:
    """Tell whether the last step is the first one reported in its interval, after the warm-up."""
    step, warmup, interval = (
        losses.steps[-1],
        settings["n_warmup_steps"],
        settings["interval_steps"],
    )
    if step < warmup:
        return False
    begin = (step - warmup) // interval * interval + warmup
    return len(losses) == 1 or losses.steps[-2] < begin


def least(losses: Any) -> float:
    """Return the lowest loss, NaN aside; NaN when there is no other."""
    return min((loss for loss in losses if not math.isnan(loss)), default=math.nan)
