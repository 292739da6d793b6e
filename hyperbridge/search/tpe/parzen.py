"""Fit adaptive Parzen mixtures to the observations of one label, or of many at once.

Source: ``adaptive_parzen_normal`` and ``linear_forgetting_weights`` of ``hyperopt.tpe``. Every
float is made by the same operations in the same order as there, with two liberties that leave
the floats alone: the sort is done once, and rows of many labels are treated together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hyperbridge.search.tpe.priors import FloatArray, NumericPrior

FORGET_AFTER = 25
"""So many of the newest observations have full weight; older ones are forgotten linearly."""


class Listed(NamedTuple):
    """The Gaussian mixture of one label on the inner scale, in Python's own numbers."""

    weights: list[float]
    mus: list[float]
    sigmas: list[float]


class Mixture(NamedTuple):
    """Gaussian mixtures on the inner scale, components sorted by centre.

    Attributes:
        weights, mus, sigmas: Shape (components,), or (labels, components).
    """

    weights: FloatArray
    mus: FloatArray
    sigmas: FloatArray

    def row(self, i: int) -> Mixture:
        """Return the mixture of one label out of many."""
        return Mixture(self.weights[i], self.mus[i], self.sigmas[i])

    def listed(self) -> Listed:
        """Return the mixture of one label in Python's own numbers, in which draws are made."""
        return Listed(self.weights.tolist(), self.mus.tolist(), self.sigmas.tolist())


def forgetting_weights(n: int) -> FloatArray:
    """Return the weights of ``n`` observations, oldest first.

    Examples:
        >>> forgetting_weights(3)
        array([1., 1., 1.])
        >>> forgetting_weights(27)[:3].round(3).tolist()
        [0.037, 1.0, 1.0]
    """
    weights = np.ones(n)
    ramp = n - FORGET_AFTER
    if ramp > 0:
        # The float steps of linspace(1 / n, 1.0, num=ramp), without its overhead.
        start = 1 / n
        weights[0] = start
        if ramp > 1:
            steps = np.arange(0, ramp - 1, dtype=np.float64)
            steps *= (1.0 - start) / (ramp - 1)
            steps += start
            weights[: ramp - 1] = steps
    return weights


def fit(observations: FloatArray, prior: NumericPrior, prior_weight: float) -> Mixture:
    """Fit the mixture of one label, exactly as hyperopt does.

    Args:
        observations: On the inner scale, oldest first.
        prior: The prior of the label.
        prior_weight: Weight of the prior's component beside observations of weight 1.
    """
    n = len(observations)
    order = np.argsort(observations)
    weights = forgetting_weights(n)[order][None, :] if n > FORGET_AFTER else None
    many = fit_sorted(
        observations[order][None, :],
        weights,
        np.array([prior.mu]),
        np.array([prior.sigma]),
        prior_weight,
    )
    return normalised(many).row(0)


def normalised(mixture: Mixture) -> Mixture:
    """Return the mixtures with weights that sum to one."""
    weights = mixture.weights / mixture.weights.sum(axis=1)[:, None]
    return Mixture(weights, mixture.mus, mixture.sigmas)


def fit_sorted(
    observations: FloatArray,
    weights: FloatArray | None,
    prior_mus: FloatArray,
    prior_sigmas: FloatArray,
    prior_weight: float,
) -> Mixture:
    """Fit mixtures to sorted observations, without normalising the weights.

    Args:
        observations: Shape (labels, n), each row sorted.
        weights: The observations' weights, same shape; None when all are 1.
        prior_mus: Centres of the prior's components, shape (labels,).
        prior_sigmas: Their widths, same shape.
        prior_weight: Weight of the prior's component.

    Returns:
        Mixtures of n + 1 components a label.
    """
    labels, n = observations.shape
    # Among equals the prior comes first, but after a single observation.
    before = np.less_equal if n == 1 else np.less
    places = before(observations, prior_mus[:, None]).sum(axis=1).tolist()
    mus = np.empty((labels, n + 1))
    all_weights = np.ones((labels, n + 1))
    for i, place in enumerate(places):
        mus[i, :place] = observations[i, :place]
        mus[i, place + 1 :] = observations[i, place:]
        mus[i, place] = prior_mus[i]
        if weights is not None:
            all_weights[i, :place] = weights[i, :place]
            all_weights[i, place + 1 :] = weights[i, place:]
        all_weights[i, place] = prior_weight
    return fit_placed(mus, all_weights, places, prior_sigmas)


def fit_placed(
    mus: FloatArray, weights: FloatArray, places: list[int], prior_sigmas: FloatArray
) -> Mixture:
    """Give mixtures their widths.

    Args:
        mus: Sorted observations with the prior's centre among them, shape (labels, n + 1).
        weights: Of the components, same shape.
        places: Where the prior's centre is, one a label.
        prior_sigmas: Widths of the priors' components, shape (labels,).
    """
    n = mus.shape[1] - 1
    if n < 2:
        sigmas = np.empty(mus.shape)
        sigmas[:] = (prior_sigmas * 0.5)[:, None]
    else:
        sigmas = larger_gaps(mus)
    np.maximum(sigmas, narrowest(prior_sigmas, n)[:, None], out=sigmas)
    np.minimum(sigmas, prior_sigmas[:, None], out=sigmas)
    for i, (place, sigma) in enumerate(zip(places, prior_sigmas.tolist(), strict=True)):
        sigmas[i, place] = sigma
    return Mixture(weights, mus, sigmas)


def larger_gaps(mus: FloatArray) -> FloatArray:
    """Return, for each of some sorted centres, the larger distance to a neighbour.

    Args:
        mus: Shape (labels, at least 2).
    """
    gaps = mus[:, 1:] - mus[:, :-1]
    larger = np.empty(mus.shape)
    np.maximum(gaps[:, :-1], gaps[:, 1:], out=larger[:, 1:-1])
    larger[:, 0] = gaps[:, 0]
    larger[:, -1] = gaps[:, -1]
    return larger


def narrowest(prior_sigmas: Any, n: int) -> Any:
    """Return the least width of a component, for one width of the prior or for many."""
    return prior_sigmas / min(100.0, 2.0 + n)


def fit_rounded(
    observations: FloatArray, weights: FloatArray | None, prior: NumericPrior, prior_weight: float
) -> Mixture:
    """Fit a mixture to sorted observations of which many are equal, with few components.

    Among equal observations only the first and the last have a neighbour at a distance. The
    others have the least width, and are summed up as one component.

    Args:
        observations: Shape (n,), sorted, at least two.
        weights: The observations' weights, same shape; None when all are 1.
        prior: The prior of the label.
        prior_weight: Weight of the prior's component.

    Returns:
        A mixture equal to that of `fit_sorted` but for rounding, in no order.
    """
    n = len(observations)
    new = np.empty(n, dtype=np.bool_)
    new[0] = True
    np.not_equal(observations[1:], observations[:-1], out=new[1:])
    first = np.flatnonzero(new)
    last = np.empty(len(first), dtype=np.int64)
    last[-1] = n - 1
    np.subtract(first[1:], 1, out=last[:-1])
    centres = observations[first]
    place = int(centres.searchsorted(prior.mu))
    gaps = centres[1:] - centres[:-1]
    left, right = np.zeros(len(centres)), np.zeros(len(centres))
    left[1:] = right[:-1] = gaps
    if place < len(centres):
        left[place] = centres[place] - prior.mu
    if place > 0:
        right[place - 1] = prior.mu - centres[place - 1]
    alone = first == last
    many = np.flatnonzero(~alone)
    sigmas = [np.where(alone, np.maximum(left, right), left), right[many], np.zeros(len(many))]
    if weights is None:
        ones = np.ones(len(many))
        parts = [np.ones(len(centres)), ones, (last - first)[many] - ones]
    else:
        sums = np.add.reduceat(weights, first)[many]
        outer, inner = weights[first], weights[last[many]]
        parts = [outer, inner, np.maximum(sums - outer[many] - inner, 0.0)]
    widths = np.concatenate([*sigmas, [prior.sigma]])
    np.maximum(widths, narrowest(prior.sigma, n), out=widths)
    np.minimum(widths, prior.sigma, out=widths)
    mus = np.concatenate([centres, centres[many], centres[many], [prior.mu]])
    return Mixture(np.concatenate([*parts, [prior_weight]]), mus, widths)
