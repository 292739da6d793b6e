"""Densities of Gaussian mixtures, fast, up to a constant factor, with a bound on the error.

`densities` sums all components, of many labels together. `near_densities` is for long histories,
where a component is narrow: it leaves out the components that are far from a candidate.
"""

from __future__ import annotations

import math

import numpy as np

from hyperbridge.search.tpe.parzen import Mixture
from hyperbridge.search.tpe.priors import FloatArray

_LOWEST_EXPONENT = -650.0  # exp() is twenty times slower where its result underflows
_EPSILON = float(np.finfo(np.float64).eps)
_CACHED = 1 << 16  # floats that stay in the cache
_BLOCK = 64  # neighbouring components that are left out together
_CROWDED = 0.3  # share of pairs of a candidate and a block that must be summed for no gain
_REACH = 7.0  # widths of a component from where on it is left out


def densities(inner: FloatArray, mixture: Mixture) -> tuple[FloatArray, FloatArray]:
    """Return densities and a bound on each label's relative error.

    The exponents are quadratic polynomials of the candidates, so one matrix product gives
    them all. The polynomials cancel: their rounding error grows with the squared distance of
    the candidates from the origin of the polynomial, which is put into their middle.

    Args:
        inner: Candidates on the inner scale, shape (labels, candidates).
        mixture: One of each label.
    """
    labels, candidates = inner.shape
    n = mixture.mus.shape[1]
    lowest, highest = inner.min(axis=1), inner.max(axis=1)
    middle = (0.5 * (lowest + highest))[:, None]
    x = np.empty((labels, candidates, 3))
    np.subtract(inner, middle, out=x[:, :, 1])
    np.multiply(x[:, :, 1], x[:, :, 1], out=x[:, :, 0])
    x[:, :, 2] = 1.0
    mus = mixture.mus - middle
    inverse = 1.0 / mixture.sigmas
    coefficients = np.empty((labels, 3, n))
    square, linear, constant = (coefficients[:, i] for i in range(3))
    np.multiply(inverse, inverse, out=square)
    square *= -0.5
    np.multiply(square, mus, out=constant)
    np.multiply(constant, -2.0, out=linear)
    constant *= mus
    heights = (mixture.weights * inverse)[:, :, None]
    result = np.empty((labels, candidates))
    step = max(1, _CACHED // (candidates * n))
    for start in range(0, labels, step):
        rows = slice(start, start + step)
        exponents = x[rows] @ coefficients[rows]
        np.maximum(exponents, _LOWEST_EXPONENT, out=exponents)
        np.exp(exponents, out=exponents)
        result[rows] = (exponents @ heights[rows])[:, :, 0]
    # Components farther from a candidate than the floor of the exponents allows do not count.
    farthest = 0.5 * (highest - lowest) * inverse.max(axis=1) + math.sqrt(-2 * _LOWEST_EXPONENT)
    return result, _EPSILON * (4 * farthest**2 + n)


def near_densities(inner: FloatArray, mixture: Mixture) -> tuple[FloatArray, float] | None:
    """Return densities of one label, and what may be missing from them at most.

    Args:
        inner: Candidates on the inner scale, shape (candidates,).
        mixture: The label's, components sorted by centre.

    Returns:
        None when so many components are near to candidates that there is nothing to gain.
    """
    n = len(mixture.mus)
    blocks = -(-n // _BLOCK)
    mus = np.full((blocks, _BLOCK), mixture.mus[-1])
    mus.ravel()[:n] = mixture.mus
    sigmas = np.full((blocks, _BLOCK), mixture.sigmas[-1])
    sigmas.ravel()[:n] = mixture.sigmas
    reach = _REACH * sigmas.max(axis=1)
    x = inner[:, None]
    is_near = (x > mus[:, 0] - reach) & (x < mus[:, -1] + reach)
    if np.count_nonzero(is_near) > _CROWDED * is_near.size:
        return None
    heights = np.zeros((blocks, _BLOCK))
    np.divide(mixture.weights, mixture.sigmas, out=heights.ravel()[:n])
    candidate, block = np.nonzero(is_near)
    exponents = mus[block]
    exponents -= inner[candidate][:, None]
    exponents /= sigmas[block]
    np.multiply(exponents, exponents, out=exponents)
    exponents *= -0.5
    np.maximum(exponents, _LOWEST_EXPONENT, out=exponents)
    np.exp(exponents, out=exponents)
    sums = np.einsum("ij,ij->i", exponents, heights[block])
    near = np.zeros(len(inner))
    near += np.bincount(candidate, sums, len(inner))
    return near, math.exp(-0.5 * _REACH**2) * float(heights.sum())
