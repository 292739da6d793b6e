"""Densities of Gaussian mixtures, fast, up to a constant factor, with a bound on the error."""

from __future__ import annotations

import math

import numpy as np

from hyperbridge.search.tpe.parzen import Mixture
from hyperbridge.search.tpe.priors import FloatArray

LOWEST_EXPONENT = -650.0
"""Smaller ones are lifted to it: exp() is twenty times slower where its result underflows."""

_EPSILON = float(np.finfo(np.float64).eps)
_CACHED = 1 << 16  # floats that stay in the cache


def densities(inner: FloatArray, *mixtures: Mixture) -> tuple[FloatArray, FloatArray]:
    """Return densities under each of some mixtures, and a bound on each label's relative error.

    The exponents are quadratic polynomials of the candidates, so one matrix product gives
    them all. The polynomials cancel, and the bound is made of that. The origin is put into the
    middle of the candidates. Let a candidate be at most A and a component that counts at most
    ``B = A + sqrt(-2 * lowest exponent)`` widths away from it. Then the three terms of an exponent,
    ``x**2 / 2``, ``x * mu`` and ``mu**2 / 2`` in widths, add up to at most ``(A + B)**2 / 2``.
    Each carries at most twelve roundings of half an epsilon and the sums three more, so that 8
    epsilons of that size are enough. The exponential (less than 4 units in the last place), the
    heights and the sum of n positive terms in any order add less than n + 8. What the components
    that do not count add is negligible: densities that are not far above it are not decided upon.

    Args:
        inner: Candidates on the inner scale, shape (labels, candidates).
        mixtures: Each has one of each label. All at once take fewer calls than one by one.

    Returns:
        The densities, shape (mixtures, labels, candidates), and the bound, shape (labels,).
    """
    labels, candidates = inner.shape
    sizes = [mixture.mus.shape[1] for mixture in mixtures]
    n = sum(sizes)
    lowest = np.minimum.reduce(inner, axis=1)
    highest = np.maximum.reduce(inner, axis=1)
    middle = (0.5 * (lowest + highest))[:, None]
    x = np.empty((labels, candidates, 3))
    np.subtract(inner, middle, out=x[:, :, 1])
    np.multiply(x[:, :, 1], x[:, :, 1], out=x[:, :, 0])
    x[:, :, 2] = 1.0
    mus, inverse = np.empty((labels, n)), np.empty((labels, n))
    heights = np.zeros((labels, n, len(mixtures)))
    start = 0
    for i, (size, mixture) in enumerate(zip(sizes, mixtures, strict=True)):
        part = slice(start, start + size)
        np.subtract(mixture.mus, middle, out=mus[:, part])
        np.divide(1.0, mixture.sigmas, out=inverse[:, part])
        np.multiply(mixture.weights, inverse[:, part], out=heights[:, part, i])
        start += size
    coefficients = np.empty((labels, 3, n))
    square, linear, constant = (coefficients[:, i] for i in range(3))
    np.multiply(inverse, inverse, out=square)
    square *= -0.5
    np.multiply(square, mus, out=constant)
    np.multiply(constant, -2.0, out=linear)
    constant *= mus
    result = np.empty((labels, candidates, len(mixtures)))
    step = max(1, _CACHED // (candidates * n))
    for start in range(0, labels, step):
        rows = slice(start, start + step)
        exponents = x[rows] @ coefficients[rows]
        np.maximum(exponents, LOWEST_EXPONENT, out=exponents)
        np.exp(exponents, out=exponents)
        np.matmul(exponents, heights[rows], out=result[rows])
    farthest = (highest - lowest) * np.maximum.reduce(inverse, axis=1) + math.sqrt(
        -2 * LOWEST_EXPONENT
    )
    return result.transpose(2, 0, 1), _EPSILON * (4 * farthest**2 + n + 8)
