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
_CACHED = 1 << 16  # floats that stay in the cache
_EPSILON = float(np.finfo(np.float64).eps)
_BLOCK = 64  # neighbouring components that are left out together
_REACH = 5.5  # widths of a component from where on it is left out


def densities(
    inner: FloatArray, mixture: Mixture, centres: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return densities and a bound on each label's relative error.

    The exponents are quadratic polynomials of the candidates, so one matrix product gives
    them all.

    Args:
        inner: Candidates on the inner scale, shape (labels, candidates).
        mixture: One of each label.
        centres: Roughly the middle of each label's values, shape (labels,).
    """
    labels, candidates = inner.shape
    n = mixture.mus.shape[1]
    x = np.empty((labels, candidates, 3))
    np.subtract(inner, centres[:, None], out=x[:, :, 1])
    np.multiply(x[:, :, 1], x[:, :, 1], out=x[:, :, 0])
    x[:, :, 2] = 1.0
    mus = mixture.mus - centres[:, None]
    inverse = 1.0 / mixture.sigmas
    coefficients = np.empty((labels, 3, n))
    square, linear, constant = (coefficients[:, i] for i in range(3))
    np.multiply(inverse, inverse, out=square)
    square *= -0.5
    np.multiply(square, mus, out=constant)
    np.multiply(constant, -2.0, out=linear)
    constant *= mus
    heights = mixture.weights * inverse
    result = np.empty((labels, candidates))
    step = max(1, _CACHED // (candidates * n))
    for start in range(0, labels, step):
        rows = slice(start, start + step)
        exponents = x[rows] @ coefficients[rows]
        np.maximum(exponents, _LOWEST_EXPONENT, out=exponents)
        np.exp(exponents, out=exponents)
        result[rows] = (exponents @ heights[rows, :, None])[:, :, 0]
    # The polynomial cancels: its rounding error grows with the squared distance to the centre.
    farthest = np.maximum(np.abs(mus[:, [0, -1]]).max(axis=1), np.abs(x[:, :, 1]).max(axis=1))
    return result, 16 * _EPSILON * (farthest * inverse.max(axis=1)) ** 2


def near_densities(inner: FloatArray, mixture: Mixture) -> tuple[FloatArray, float]:
    """Return densities of one label with many components, and what may be missing at most.

    Args:
        inner: Candidates on the inner scale, shape (candidates,).
        mixture: One label's, shape (components,), components sorted by centre.
    """
    n = len(mixture.mus)
    blocks = -(-n // _BLOCK)
    heights = np.zeros((blocks, _BLOCK))
    np.divide(mixture.weights, mixture.sigmas, out=heights.ravel()[:n])
    mus = np.full((blocks, _BLOCK), mixture.mus[-1])
    mus.ravel()[:n] = mixture.mus
    sigmas = np.full((blocks, _BLOCK), mixture.sigmas[-1])
    sigmas.ravel()[:n] = mixture.sigmas
    reach = _REACH * sigmas.max(axis=1)
    x = inner[:, None]
    candidate, block = np.nonzero((x > mus[:, 0] - reach) & (x < mus[:, -1] + reach))
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
