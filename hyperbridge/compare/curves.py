"""How the best loss of a run falls, against trials and against time, as one number each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hyperbridge.compare.records import SearchRecord

Curve = list[tuple[float, float]]
"""Points (trials or seconds, best loss so far), where it falls."""


def over_trials(run: SearchRecord) -> Curve:
    """Return the best loss against the number of trials, in order of proposal."""
    return _falling([(i, t.loss) for i, t in enumerate(run.trials, start=1)])


def over_time(run: SearchRecord) -> Curve:
    """Return the best loss against seconds since the first trial began."""
    known = [(t.at_s, t.loss) for t in run.trials if t.at_s is not None]
    return _falling(sorted(known, key=lambda each: each[0]))


def mean_height(curve: Curve, until: float, worst: float) -> float:
    """Return the area under a curve from 0 to ``until``, divided by that: a mean best loss.

    Args:
        curve: The curve; it is level after its last point.
        until: To where.
        worst: What counts before the first loss.

    Examples:
        >>> mean_height([(1.0, 3.0), (2.0, 1.0)], 4.0, 5.0)
        2.5
    """
    if until <= 0:
        return curve[-1][1] if curve else worst
    area, at, height = 0.0, 0.0, worst
    for x, best in curve:
        if x >= until:
            break
        area += (x - at) * height
        at, height = x, best
    return (area + (until - at) * height) / until


def finite_losses(runs: Sequence[SearchRecord]) -> list[float]:
    """Return all losses that are finite."""
    return [t.loss for run in runs for t in run.trials if t.loss is not None and _is_finite(t.loss)]


def best_loss(run: SearchRecord) -> float:
    """Return the lowest loss; infinity where there is none."""
    losses = [t.loss for t in run.trials if t.loss is not None and not math.isnan(t.loss)]
    return min(losses, default=math.inf)


def _falling(points: Sequence[tuple[float, float | None]]) -> Curve:
    found: Curve = []
    best = math.inf
    for x, loss in points:
        if loss is not None and _is_finite(loss) and loss < best:
            best = loss
            found.append((float(x), loss))
    return found


def _is_finite(loss: float) -> bool:
    return math.isfinite(loss)
