"""Densities of Gaussian mixtures, fast, up to a constant factor, with a bound on the error.

`densities` sums all components, of many labels together. `near_densities` is for long histories,
where a component is narrow: it leaves out the components that are far from a candidate.
"""

from __future__ import annotations

import math

import numpy as np

from hyperbridge.search.tpe.parzen import Mixture
from hyperbridge.search.tpe.priors import BoolArray, FloatArray

_LOWEST_EXPONENT = -650.0  # exp() is twenty times slower where its result underflows
_EPSILON = float(np.finfo(np.float64).eps)
_CACHED = 1 << 16  # floats that stay in the cache
_BLOCK = 64  # neighbouring components that are left out together
_CROWDED = 0.2  # share of pairs of a candidate and a block that must be summed for no gain
_REACH = 5.5  # widths of a component from where on it is left out
_LOWEST_SINGLE = -40.0
_EPSILON_SINGLE = float(np.finfo(np.float32).eps)


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
        np.maximum(exponents, _LOWEST_EXPONENT, out=exponents)
        np.exp(exponents, out=exponents)
        np.matmul(exponents, heights[rows], out=result[rows])
    farthest = (highest - lowest) * np.maximum.reduce(inverse, axis=1) + math.sqrt(
        -2 * _LOWEST_EXPONENT
    )
    return result.transpose(2, 0, 1), _EPSILON * (4 * farthest**2 + n + 8)


def near_blocks(inner: FloatArray, mixture: Mixture) -> BoolArray:
    """Tell which blocks of components are near which candidate.

    Returns:
        Shape (labels, candidates, blocks).
    """
    starts = np.arange(0, mixture.mus.shape[1], _BLOCK)
    ends = np.minimum(starts + _BLOCK, mixture.mus.shape[1]) - 1
    reach = _REACH * np.maximum.reduceat(mixture.sigmas, starts, axis=1)
    x = inner[:, :, None]
    is_near: BoolArray = x > (mixture.mus[:, starts] - reach)[:, None, :]
    is_near &= x < (mixture.mus[:, ends] + reach)[:, None, :]
    return is_near


def is_crowded(inner: FloatArray, mixture: Mixture) -> BoolArray:
    """Tell of which labels so many components are near that it does not pay to leave some out.

    It is judged by every fourth candidate. See `near_blocks`.
    """
    is_near = near_blocks(inner[:, ::4], mixture)
    crowded: BoolArray = is_near.sum(axis=(1, 2)) > _CROWDED * is_near[0].size
    return crowded


def near_densities(
    inner: FloatArray, mixture: Mixture
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return densities, a bound on each label's relative error, and what may be missing at most.

    Components are left out by blocks of neighbours. One that is farther than `_REACH` widths adds
    at most ``exp(-_REACH**2 / 2)`` times its height; that of all heights bounds what is missing.

    The rest is summed up with single floats. Let ``a = x / (sqrt(2) * width)`` and b the same of
    a centre, both taken from the middle of the candidates, and z their difference; then a term
    is ``exp(-z**2)``. Each of a and b has at most four roundings of half an epsilon, which is two
    epsilons, and b is at most ``a + z`` in size. So the exponent changes by at most
    ``2 * z * 2 * (2 * a + z)`` epsilons, and the square's rounding by ``z**2`` more. What is below
    `_LOWEST_SINGLE` is lifted to it, and counted with what is missing. The exponential and the
    sums of blocks add less than a hundred epsilons.

    Args:
        inner: Candidates on the inner scale, shape (labels, candidates).
        mixture: One of each label, components sorted by centre.
    """
    labels, n = mixture.mus.shape
    is_near = near_blocks(inner, mixture)
    blocks = is_near.shape[2]
    padded = labels, blocks * _BLOCK
    lowest, highest = inner.min(axis=1), inner.max(axis=1)
    middle = (0.5 * (lowest + highest))[:, None]
    inverse = math.sqrt(0.5) / mixture.sigmas
    scales, centres, heights = (np.zeros(padded, np.float32) for _ in range(3))
    scales[:, :n] = inverse
    np.multiply(mixture.mus - middle, inverse, out=centres[:, :n], casting="same_kind")
    inverse *= mixture.weights
    total = inverse.sum(axis=1)
    inverse *= (1.0 / total)[:, None]
    heights[:, :n] = inverse
    pair = np.flatnonzero(is_near)
    candidate, block = np.divmod(pair, blocks)
    block += candidate // inner.shape[1] * blocks
    z = scales.reshape(-1, _BLOCK)[block]
    z *= (inner - middle).ravel()[candidate].astype(np.float32)[:, None]
    z -= centres.reshape(-1, _BLOCK)[block]
    np.multiply(z, z, out=z)
    np.negative(z, out=z)
    np.maximum(z, np.float32(_LOWEST_SINGLE), out=z)
    np.exp(z, out=z)
    sums = np.einsum("ij,ij->i", z, heights.reshape(-1, _BLOCK)[block])
    near: FloatArray = np.zeros(inner.size)
    near += np.bincount(candidate, sums, inner.size)
    farthest = 0.5 * (highest - lowest) * math.sqrt(0.5) / mixture.sigmas.min(axis=1)
    z_most = math.sqrt(-_LOWEST_SINGLE)
    error = _EPSILON_SINGLE * (4 * z_most * (2 * farthest + z_most) + z_most**2 + 100)
    error *= 1 + error  # of the exponential, from that of the exponent
    missing = np.full((labels, 1), math.exp(-0.5 * _REACH**2) + math.exp(_LOWEST_SINGLE))
    return near.reshape(inner.shape), error, missing
