"""What a pruner knows of all trials of a search, and what of it travels with the next trial.

Each rule has a verdict of `hyperbridge.worker.verdicts`, which runs beside the objective. Source:
the reference of ``optuna.pruners``; at parallelism 1 the same trials stop as in a native study.
"""

from __future__ import annotations

import binascii
import math
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from hyperbridge.documents import Assignment

EndState = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class Ended:
    """A trial that has ended, as a pruner sees it.

    Attributes:
        tid: The trial id.
        state: ``complete`` when it has a loss and status ok.
        losses: What it has reported, by step.
        notes: See `hyperbridge.worker.verdicts.Verdict`; None for a trial of an earlier call.
        loss: Its final loss, or None.
        assignment: Value by label.
    """

    tid: int
    state: EndState
    losses: dict[int, float]
    notes: list[float] | None = None
    loss: float | None = None
    assignment: Assignment = field(default_factory=dict)


class Rule:
    """A pruner's state. Its methods are called by one thread at a time.

    Attributes:
        kind: Names the verdict, see `hyperbridge.worker.verdicts.make_verdict`.
        settings: The verdict's.
        compares: Whether what becomes known while a trial runs can change its verdict.
    """

    kind: ClassVar[str] = "never"
    compares: bool = True
    settings: dict[str, Any]

    def __init__(self) -> None:
        self.settings = {}

    def known(self, tid: int, assignment: Assignment) -> Any:  # noqa: ARG002
        """Return what the verdict of one trial must know of the others: plain data."""
        return None

    def progressed(self, tid: int, notes: list[float]) -> None:
        """Hear, while a trial runs, what others must know of it."""

    def restarted(self, tid: int) -> None:
        """Forget what a trial has left: it was lost, and begins again."""

    def ended(self, trial: Ended) -> None:
        """Hear how a trial ended."""


class NoRule(Rule):
    """No trial is stopped."""

    compares = False


class PercentileRule(Rule):
    """``optuna.pruners.PercentilePruner``, and ``MedianPruner`` with a percentile of 50.

    Args:
        percentile: Trials above it are stopped; 0 to 100.
        n_startup_trials: No trial is stopped before as many have ended with a loss.
        n_warmup_steps: Nor before this step.
        interval_steps: How many steps lie between two looks.
        n_min_trials: How many losses a step must have, to be looked at.
    """

    kind = "percentile"

    def __init__(
        self,
        percentile: float = 25.0,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        n_min_trials: int = 1,
    ) -> None:
        self.settings = {"n_warmup_steps": n_warmup_steps, "interval_steps": interval_steps}
        self._percentile = percentile
        self._n_startup = n_startup_trials
        self._n_min = n_min_trials
        self._n_complete = 0
        self._losses: dict[int, list[float]] = {}
        self._limits: dict[int, float] = {}
        self._stale: set[int] = set()
        self._told: dict[int, float] = {}

    def known(self, tid: int, assignment: Assignment) -> dict[int, float] | None:  # noqa: ARG002
        """Return the percentile by step; None before there are enough trials."""
        if self._n_complete < max(1, self._n_startup):
            return None
        if self._stale:
            self._bring_up_to_date()
            self._stale.clear()
            self._told = dict(self._limits)  # running trials still read the one before
        return self._told

    def _bring_up_to_date(self) -> None:
        """Work out the percentile of the steps that have new losses, those of a size at once."""
        of_size: dict[int, dict[int, list[float]]] = {}
        for step in self._stale:
            if len(self._losses[step]) >= self._n_min:
                found = [loss for loss in self._losses[step] if not math.isnan(loss)]
                of_size.setdefault(len(found), {})[step] = found
        for size, found_by_step in of_size.items():
            if size > 0:
                with np.errstate(invalid="ignore"):  # between two infinite losses
                    limits = np.percentile([*found_by_step.values()], self._percentile, axis=1)
                self._limits.update(zip(found_by_step, limits.tolist(), strict=True))

    def ended(self, trial: Ended) -> None:
        """Only trials that came to their end are compared with."""
        if trial.state == "complete":
            self._n_complete += 1
            for step, loss in trial.losses.items():
                self._losses.setdefault(step, []).append(loss)
                self._stale.add(step)


class HalvingRule(Rule):
    """``optuna.pruners.SuccessiveHalvingPruner``: asynchronous successive halving (ASHA).

    Args:
        min_resource: The step of the first rung; None for a hundredth of the steps of the
            longest of the trials that have ended when the first one is judged.
        reduction_factor: One trial in as many goes on from a rung.
        min_early_stopping_rate: How many rungs are left out at the beginning.
        bootstrap_count: How many trials must have come to a rung before one goes on from it.
    """

    kind = "halving"

    def __init__(
        self,
        min_resource: int | None = None,
        reduction_factor: int = 4,
        min_early_stopping_rate: int = 0,
        bootstrap_count: int = 0,
    ) -> None:
        self.settings = {"reduction_factor": reduction_factor, "bootstrap_count": bootstrap_count}
        self._min_resource = min_resource
        self._early = min_early_stopping_rate
        self._rungs: list[list[float]] = []
        self._noted: dict[int, list[float]] = {}
        self._estimate: int | None = None

    def known(self, tid: int, assignment: Assignment) -> Any:  # noqa: ARG002
        """Return the first rung's step, how many are left out, and the limits of the rungs."""
        min_resource = self._min_resource or self._estimate
        if min_resource is None:
            return None
        mine = self._noted.get(tid, [])
        limits = [self._limit(rung, mine) for rung in range(len(self._rungs))]
        return min_resource, self._early, limits

    def _limit(self, rung: int, mine: list[float]) -> tuple[float, int]:
        """Return the highest loss that goes on from a rung, and how many others came to it."""
        losses = self._rungs[rung]
        is_here = rung < len(mine)  # the trial itself has come to it
        n_others = len(losses) - is_here
        if n_others == 0:
            return math.inf, 0
        last = max((n_others + 1) // self.settings["reduction_factor"] - 1, 0)
        if is_here and last >= bisect_left(losses, mine[rung]):
            last += 1
        return losses[last], n_others

    def progressed(self, tid: int, notes: list[float]) -> None:
        """Count a running trial at the rungs that it has come to."""
        if self._min_resource is None:
            self._min_resource = self._estimate
        noted = self._noted.setdefault(tid, [])
        for loss in notes[len(noted) :]:
            if len(noted) == len(self._rungs):
                self._rungs.append([])
            insort(self._rungs[len(noted)], loss)
            noted.append(loss)

    def restarted(self, tid: int) -> None:
        """Take the trial's losses out of the rungs."""
        for rung, loss in enumerate(self._noted.pop(tid, ())):
            self._rungs[rung].remove(loss)

    def ended(self, trial: Ended) -> None:
        """All trials count at the rungs that they came to, however they ended."""
        if trial.losses and self._estimate is not None and trial.notes is not None:
            self._min_resource = self._min_resource or self._estimate  # it was judged by it
        if trial.state == "complete" and trial.losses:
            estimate = max(max(trial.losses) // 100, 1)
            self._estimate = max(self._estimate or 0, estimate)
        notes = self._replayed(trial.losses) if trial.notes is None else trial.notes
        self.progressed(trial.tid, notes)

    def _replayed(self, losses: dict[int, float]) -> list[float]:
        """Return what a trial of an earlier call has left at the rungs, from its reports."""
        first = self._min_resource or self._estimate
        notes: list[float] = []
        last = -1
        for step, loss in losses.items():
            last = max(last, step)
            factor = self.settings["reduction_factor"]
            while first is not None and last >= first * factor ** (self._early + len(notes)):
                if math.isnan(loss):
                    return notes
                notes.append(loss)
        return notes


class HyperbandRule(Rule):
    """``optuna.pruners.HyperbandPruner``: several brackets of successive halving.

    Args:
        study_name: Decides, with the number of a trial, which bracket it belongs to.
        min_resource: The step of the first rung.
        max_resource: The number of steps of a whole trial; None for that of the longest of the
            trials that have ended when the first one is judged.
        reduction_factor: As for `HalvingRule`.
        bootstrap_count: As for `HalvingRule`.
    """

    kind = "halving"

    def __init__(
        self,
        study_name: str,
        min_resource: int = 1,
        max_resource: int | None = None,
        reduction_factor: int = 3,
        bootstrap_count: int = 0,
    ) -> None:
        self.settings = {"reduction_factor": reduction_factor, "bootstrap_count": bootstrap_count}
        self._name = study_name
        self._min_resource = min_resource
        self._max_resource = max_resource
        self._longest: int | None = None
        self._brackets: list[HalvingRule] = []
        self._budgets: list[int] = []
        self._waiting: list[Ended] = []

    def known(self, tid: int, assignment: Assignment) -> Any:
        """Return what the trial's bracket knows."""
        return self._made(tid).known(tid, assignment)

    def _made(self, tid: int) -> Rule:
        """Return a trial's bracket; a rule that stops nothing while the brackets are unknown."""
        brackets = self._brackets
        if not brackets:
            most = self._max_resource or self._longest
            if most is None:
                return NoRule()
            factor = self.settings["reduction_factor"]
            n_brackets = math.floor(math.log(most / self._min_resource, factor)) + 1
            self._brackets = brackets = [
                HalvingRule(self._min_resource, factor, early, self.settings["bootstrap_count"])
                for early in range(n_brackets)
            ]
            after = range(n_brackets - 1, -1, -1)
            self._budgets = [math.ceil(n_brackets * factor**s / (s + 1)) for s in after]
            waiting, self._waiting = self._waiting, []
            for trial in waiting:
                brackets[self._bracket_of(trial.tid)].ended(trial)
        return brackets[self._bracket_of(tid)]

    def _bracket_of(self, tid: int) -> int:
        left = binascii.crc32(f"{self._name}_{tid}".encode()) % sum(self._budgets)
        for bracket, budget in enumerate(self._budgets):
            left -= budget
            if left < 0:
                return bracket
        raise AssertionError("the budgets do not add up")

    def progressed(self, tid: int, notes: list[float]) -> None:
        """See `HalvingRule`."""
        if self._brackets:
            self._brackets[self._bracket_of(tid)].progressed(tid, notes)

    def restarted(self, tid: int) -> None:
        """See `HalvingRule`."""
        if self._brackets:
            self._brackets[self._bracket_of(tid)].restarted(tid)

    def ended(self, trial: Ended) -> None:
        """See `HalvingRule`."""
        if self._brackets:
            self._brackets[self._bracket_of(trial.tid)].ended(trial)
            return
        if trial.state == "complete" and trial.losses:
            self._longest = max(self._longest or 0, max(trial.losses) + 1)
        self._waiting.append(trial)


class BoundsRule(Rule):
    """``optuna.pruners.ThresholdPruner``.

    Args:
        lower, upper: A loss beyond them stops its trial.
        n_warmup_steps, interval_steps: As for `PercentileRule`.
    """

    kind = "bounds"
    compares = False

    def __init__(
        self, lower: float, upper: float, n_warmup_steps: int = 0, interval_steps: int = 1
    ) -> None:
        self.settings = {
            "lower": lower,
            "upper": upper,
            "n_warmup_steps": n_warmup_steps,
            "interval_steps": interval_steps,
        }


class PatientRule(Rule):
    """``optuna.pruners.PatientPruner``.

    Args:
        inner: The rule that stops a trial whose loss has not become better; None for at once.
        patience: For how many steps it may not.
        min_delta: By how much it must become better.
    """

    kind = "patient"

    def __init__(self, inner: Rule | None, patience: int, min_delta: float = 0.0) -> None:
        self._inner = inner
        self.compares = inner is not None and inner.compares
        self.settings = {
            "inner": None if inner is None else (inner.kind, inner.settings),
            "patience": patience,
            "min_delta": min_delta,
        }

    def known(self, tid: int, assignment: Assignment) -> Any:
        """Return what the inner rule knows."""
        return None if self._inner is None else self._inner.known(tid, assignment)

    def progressed(self, tid: int, notes: list[float]) -> None:
        """Hand it on."""
        if self._inner is not None:
            self._inner.progressed(tid, notes)

    def restarted(self, tid: int) -> None:
        """Hand it on."""
        if self._inner is not None:
            self._inner.restarted(tid)

    def ended(self, trial: Ended) -> None:
        """Hand it on."""
        if self._inner is not None:
            self._inner.ended(trial)
