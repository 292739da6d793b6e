"""Decide from a trial's own losses, and from what was known of others, whether it should stop.

A verdict needs no channel to the driver: what it must know of other trials is a few numbers, which
travel with the trial. The rules are those of Optuna's pruners, for a loss that is minimised.
Source: the reference of ``optuna.pruners``; Li et al., "A System for Massively Parallel
Hyperparameter Tuning" (2020), for successive halving.
"""

from __future__ import annotations

import math
from typing import Any

Losses = dict[int, float]
"""The losses that a trial has reported, by step, in the order of the reports."""


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
        best = least(losses.values())
        if math.isnan(best):
            return True
        limit = known.get(max(losses))
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
        step = max(losses)
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
        loss = losses[max(losses)]
        return math.isnan(loss) or not self.settings["lower"] <= loss <= self.settings["upper"]


def _is_due(settings: dict[str, Any], losses: Losses) -> bool:
    """Tell whether the last step is the first one reported in its interval, after the warm-up."""
    step, warmup, interval = max(losses), settings["n_warmup_steps"], settings["interval_steps"]
    if step < warmup:
        return False
    begin = (step - warmup) // interval * interval + warmup
    return all(each < begin for each in losses if each != step)


def least(losses: Any) -> float:
    """Return the lowest loss, NaN aside; NaN when there is no other."""
    return min((loss for loss in losses if not math.isnan(loss)), default=math.nan)
