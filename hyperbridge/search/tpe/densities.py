"""Densities of Gaussian mixtures, fast, up to a constant factor, with a bound on the error.

`densities` sums all components, of many labels together. `near_densities` is for long histories,
where a component is narrow: it leaves out the components that are far from a candidate.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hyperbridge.search.tpe.parzen import Mixture
from hyperbridge.search.tpe.priors import FloatArray

_LOWEST_EXPONENT = -650.0  # exp() is twenty times slower where its result underflows
_EPSILON = float(np.finfo(np.float64).eps)
_CACHED = 1 << 16  # floats that stay in the cache
_BLOCK = 64  # neighbouring components that are left out together
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


def near_densities(inner: FloatArray, mixture: Mixture) -> tuple[FloatArray, FloatArray]:
    """Return densities, and what may be missing from those of each label at most.

    Args:
        inner: Candidates on the inner scale, shape (labels, candidates).
        mixture: One of each label, components sorted by centre.
    """
    labels, candidates = inner.shape
    n = mixture.mus.shape[1]
    inverse = 1.0 / mixture.sigmas
    heights = mixture.weights * inverse
    result = np.empty((labels, candidates))
    step = max(1, 6 * _CACHED // (candidates * n))
    for start in range(0, labels, step):
        rows = slice(start, start + step)
        result[rows] = _near(inner[rows], mixture.mus[rows], inverse[rows], heights[rows])
    return result, math.exp(-0.5 * _REACH**2) * heights.sum(axis=1)


def _near(
    inner: FloatArray, mus: FloatArray, inverse: FloatArray, heights: FloatArray
) -> FloatArray:
    labels, candidates = inner.shape
    n = mus.shape[1]
    blocks = -(-n // _BLOCK)

    def in_blocks(rows: FloatArray, filling: Any) -> FloatArray:
        padded = np.empty((labels, blocks * _BLOCK))
        padded[:, :n] = rows
        padded[:, n:] = filling
        return padded.reshape(-1, _BLOCK)

    centres = in_blocks(mus, mus[:, -1:])
    widths = in_blocks(inverse, inverse[:, -1:])
    reach = _REACH / widths.min(axis=1)
    lowest = (centres[:, 0] - reach).reshape(labels, 1, blocks)
    highest = (centres[:, -1] + reach).reshape(labels, 1, blocks)
    x = inner[:, :, None]
    label, candidate, block = np.nonzero((x > lowest) & (x < highest))
    block += label * blocks
    candidate += label * candidates
    exponents = centres[block]
    exponents -= inner.ravel()[candidate][:, None]
    exponents *= widths[block]
    np.multiply(exponents, exponents, out=exponents)
    exponents *= -0.5
    np.maximum(exponents, _LOWEST_EXPONENT, out=exponents)
    np.exp(exponents, out=exponents)
    sums = np.einsum("ij,ij->i", exponents, in_blocks(heights, 0.0)[block])
    densities = np.zeros(labels * candidates)
    densities += np.bincount(candidate, sums, len(densities))
    return densities.reshape(labels, candidates)
