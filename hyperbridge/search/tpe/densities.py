"""Densities of Gaussian mixtures, fast, up to a constant factor."""

from __future__ import annotations

import itertools

import numpy as np

from hyperbridge.search.tpe.parzen import Mixture
from hyperbridge.search.tpe.priors import FloatArray

LOWEST_EXPONENT = -650.0
"""Smaller ones are lifted to it: exp() is twenty times slower where its result underflows."""

_CACHED = 1 << 16  # floats that stay in the cache


def densities(inner: FloatArray, *mixtures: Mixture) -> FloatArray:
    """Return densities under each of some mixtures.

    An exponent carries at most seven roundings of half an epsilon, and is at least
    `LOWEST_EXPONENT`; the exponential (less than 4 units in the last place), the heights and the
    sum of n positive terms in any order add less than n + 8. So the relative error is less than
    ``n + 2300`` epsilons. What the components that are lifted add is negligible: densities that
    are not far above it are not decided upon.

    Args:
        inner: Candidates on the inner scale, shape (labels, candidates).
        mixtures: Each has one of each label. All at once take fewer calls than one by one.

    Returns:
        The densities, shape (mixtures, labels, candidates).
    """
    weights, mus, sigmas = mixtures[0]
    if len(mixtures) > 1:
        weights, mus, sigmas = (
            np.concatenate(parts, axis=1) for parts in zip(*mixtures, strict=True)
        )
    inverse = 1.0 / sigmas
    heights = weights * inverse
    inverse, heights, mus = inverse[:, None, :], heights[:, :, None], mus[:, None, :]
    ends = itertools.accumulate((mixture.mus.shape[1] for mixture in mixtures), initial=0)
    parts = list(itertools.starmap(slice, itertools.pairwise(ends)))
    labels, candidates = inner.shape
    result = np.empty((len(mixtures), labels, candidates, 1))
    step = max(1, _CACHED // (candidates * mus.shape[2]))
    for start in range(0, labels, step):
        rows = slice(start, start + step)
        z = inner[rows, :, None] - mus[rows]
        z *= inverse[rows]
        z *= z
        z *= -0.5
        np.maximum(z, LOWEST_EXPONENT, out=z)
        np.exp(z, out=z)
        for i, part in enumerate(parts):
            np.matmul(z[:, :, part], heights[rows, part], out=result[i, rows])
    return result[..., 0]
