"""Find the best candidates without hyperopt's exact scores, or say that those are needed.

A suggestion needs only the arg-max of ``log(better / worse)`` over the candidates of a label. Both
densities are computed here up to a constant factor per label and with a bound on the difference
to what hyperopt computes. The winner is certain when its lowest possible score is above the
highest possible score of every candidate with another value.

Where a density comes near to the limits of a float, hyperopt's scores may be infinite or NaN;
such labels are never decided here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import erf

from hyperbridge.search.tpe.densities import densities
from hyperbridge.search.tpe.likelihood import quantum_edges
from hyperbridge.search.tpe.parzen import Mixture
from hyperbridge.search.tpe.priors import EPS, BoolArray, FloatArray, NumericPrior

UNDECIDED = -1
"""Stands for the position of a winner that only the exact scores can tell."""

_TOLERANCE = 1e-9  # much more than the rounding errors of our sums and hyperopt's, and logarithms
_SMALLEST = 1e-250
_SATURATED = 6.0  # erf() is 1 from here on, to rounding
_SMALL = 2500  # arrays up to which it does not pay to leave those out
_SQRT2 = float(np.sqrt(2))


def inner_values(priors: Sequence[NumericPrior], values: FloatArray) -> FloatArray:
    """Return candidates on the inner scale, shape (labels, candidates)."""
    inner: FloatArray = values.copy()
    for i, prior in enumerate(priors):
        if prior.log:
            np.log(values[i], out=inner[i])
    return inner


def contenders(inner: FloatArray, better: Mixture, sums: FloatArray, slack: float) -> BoolArray:
    """Tell which candidates may be the best of their labels; there is always one.

    Args:
        inner: Candidates on the inner scale, shape (labels, candidates).
        better: Mixtures of the better part.
        sums: The candidates' densities under the worse part, up to a factor of each label; NaN
            where they are not known.
        slack: How far each may be from the truth.
    """
    (good,) = densities(inner, better)
    safe = (good.min(axis=1) > _SMALLEST) & ~np.isnan(sums).any(axis=1)
    highest = good / np.maximum(sums - slack, _SMALLEST)
    lowest = good / np.maximum(sums + slack, _SMALLEST)
    certain = lowest.max(axis=1) * (1 - 3 * _TOLERANCE)
    possible: BoolArray = highest >= certain[:, None]
    possible[~safe] = True
    return possible


def best_continuous(
    values: FloatArray, inner: FloatArray, better: Mixture, worse: Mixture
) -> list[int]:
    """Return the position of each label's best candidate, or `UNDECIDED`.

    Args:
        values: Candidates of labels without a rounding step, shape (labels, candidates).
        inner: The same on the inner scale.
        better: Mixtures of the better part.
        worse: Mixtures of the worse part; a common factor of a row's weights is harmless.
    """
    both = densities(inner, better, worse)
    good, bad = both
    safe = np.minimum.reduce(both, axis=(0, 2)) > _SMALLEST
    scores = good / np.maximum(bad, _SMALLEST)
    best = scores.argmax(axis=1)
    each = np.arange(len(values))
    winner = scores[each, best] * (1 - _TOLERANCE)
    scores[values == values[each, best][:, None]] = -1.0
    decided = (safe & (winner > np.maximum.reduce(scores, axis=1))).tolist()
    return [at if sure else UNDECIDED for at, sure in zip(best.tolist(), decided, strict=True)]


def best_quantised(prior: NumericPrior, values: FloatArray, better: Mixture, worse: Mixture) -> int:
    """Return the position of the best candidate of a label with a rounding step.

    Args:
        prior: The label's prior.
        values: Candidates, shape (candidates,).
        better: Mixture of the better part.
        worse: Mixture of the worse part; a common factor of the weights is harmless.
    """
    listed = values.tolist()
    different = sorted(set(listed))
    if len(different) == 1:
        return 0
    edges, uppers, lowers = _intervals(prior, different)
    if prior.log:
        edges = np.log(np.maximum(edges, EPS))
    (good, good_error), (bad, bad_error) = _masses(edges, uppers, lowers, (better, worse))
    if not (good.min() > good_error and bad.min() > bad_error):
        return UNDECIDED
    lowest = (good - good_error) / (bad + bad_error)
    highest = (good + good_error) / (bad - bad_error)
    best = int(lowest.argmax())
    highest[best] = -1.0
    if not lowest[best] * (1 - _TOLERANCE) > highest.max():
        return UNDECIDED
    position: int = listed.index(different[best])
    return position


def _intervals(prior: NumericPrior, values: list[float]) -> tuple[FloatArray, list[int], list[int]]:
    """Return the ends of the intervals that were rounded to each of some sorted values.

    Returns:
        The different ends, and where the upper and the lower one of each value are among them.
    """
    upper_ends, lower_ends = quantum_edges(prior, np.array(values))
    ends: list[float] = []
    uppers, lowers = [], []
    for upper, lower in zip(upper_ends.tolist(), lower_ends.tolist(), strict=True):
        if not ends or ends[-1] != lower:
            ends.append(lower)
        lowers.append(len(ends) - 1)
        uppers.append(len(ends))
        ends.append(upper)
    return np.array(ends), uppers, lowers


def _masses(
    edges: FloatArray, uppers: list[int], lowers: list[int], mixtures: tuple[Mixture, Mixture]
) -> list[tuple[FloatArray, float]]:
    """Return twice each mixture's masses of intervals, and a bound on their absolute error.

    The bound holds for sums of so many terms as the weights, each at most 1, add up to.

    Args:
        edges: The ends of the intervals; some are those of two.
        uppers: Where the upper ends are.
        lowers: Where the lower ends are.
        mixtures: Of one label.
    """
    z = edges[:, None] - np.concatenate([mixture.mus for mixture in mixtures])
    z /= _SQRT2 * np.concatenate([mixture.sigmas for mixture in mixtures])
    if z.size < _SMALL:
        erf(z, out=z)
    else:
        near = np.flatnonzero(np.abs(z) < _SATURATED)
        errors = erf(z.ravel()[near])
        np.sign(z, out=z)
        z.ravel()[near] = errors
    split = len(mixtures[0].mus)
    masses = []
    for mixture, part in zip(mixtures, (z[:, :split], z[:, split:]), strict=True):
        total = float(mixture.weights.sum())
        below = part @ mixture.weights
        masses.append((below[uppers] - below[lowers], 1e-13 * total * (1 + 5e-3 * total)))
    return masses
