"""Sums of many kernels of one width, at the cost of a grid and not of all pairs.

In a long history most components of the worse part have the least width that a component may have.
Each observation is put on the nearest eight points of a grid by interpolation of its kernel.
That needs no weights and is done once. A sum of weighted kernels is then one of the kernels
of the grid points near to a candidate, which a polynomial of its place between two of them gives.

Source: the idea is that of the non-equispaced fast Gauss transform; the bound is the remainder of
Lagrange's interpolation and that of the series of the exponential.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.polynomial.polynomial import polyfromroots
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from hyperbridge.search.tpe.priors import BoolArray, FloatArray, IntArray, NumericPrior

_WIDTHS = 100.0
"""A component's least width is so much less than the prior's, after as many observations."""

_POINTS = 8  # of the grid, in a width
_REACH = 61  # points from where on a kernel is left out: 7.6 widths
_NODES = np.arange(-3, 5)  # an observation's points, from the one at or below it
_MARGIN = _REACH + 6
_SPREAD = 8.0  # widths of an unbounded prior on either side of its centre that have a grid
_DEGREE = 9


def _series() -> FloatArray:
    """Return what powers of a candidate's place make of the kernels of the grid points around it.

    The kernel of a point k steps from the middle of two, at f steps from there, is
    ``exp(-k**2 / 2P**2) * exp(k * f / P**2) * exp(-f**2 / 2P**2)``, P points in a width. The second
    factor is written as its series, shape (points, degree + 1); the third is left out.
    """
    k = np.arange(-_REACH, _REACH + 2)[:, None] - 0.5
    powers = np.arange(_DEGREE + 1)
    factorials = np.array([math.factorial(power) for power in powers], dtype=np.float64)
    series: FloatArray = np.exp(-0.5 * (k / _POINTS) ** 2) * (k / _POINTS**2) ** powers / factorials
    return series


def _interpolation() -> FloatArray:
    """Return what powers of a distance from node 0 make of Lagrange's coefficients.

    Returns:
        By power and node, shape (nodes, nodes).
    """
    columns = []
    for node in _NODES:
        others = _NODES[node != _NODES]
        columns.append(polyfromroots(others) / np.multiply.reduce(node - others, dtype=np.float64))
    return np.stack(columns, axis=1)


_SERIES = _series()
_COEFFICIENTS = _interpolation()

# The eighth derivative of exp(-z**2 / 2) is at most 105, the product of the distances to the eight
# points at most (105/16)**2 steps to the eighth. The exponent of the series is less than 0.5, the
# shares of an observation add up to less than 3, signs left out. Of an observation whose points are
# not all in reach some or none count.
_NEAR_ERROR = 105 / math.factorial(8) * (105 / 16) ** 2 * _POINTS**-8
_NEAR_ERROR += 3.0 * math.exp(0.5) * 0.5 ** (_DEGREE + 1) / math.factorial(_DEGREE + 1)
_FAR_ERROR = 3.0 * math.exp(-0.5 * ((_REACH - 7) / _POINTS) ** 2)


class KernelGrid:
    """The observations of some labels, on a grid for each.

    Args:
        priors: One a label, none with a rounding step.

    Attributes:
        n: Number of observations.
        narrowest: The width of the kernels, shape (labels,).
    """

    def __init__(self, priors: Sequence[NumericPrior]) -> None:
        self.narrowest = np.array([prior.sigma for prior in priors]) / _WIDTHS
        ends = [_ends(prior) for prior in priors]
        self._steps = (self.narrowest / _POINTS)[:, None]
        lengths = np.array([high - low for low, high in ends]) / self._steps[:, 0]
        self._sizes = np.ceil(lengths).astype(np.int64)[:, None] + 2 * _MARGIN
        self._origins = np.array([[low] for low, _ in ends]) - _MARGIN * self._steps
        self._starts = np.cumsum(self._sizes)[:, None] - self._sizes
        self._total = int(self._sizes.sum())
        self._cells: NDArray[np.int32]
        self._shares: FloatArray
        self._cells, self._shares, self._matrix = self._room_for(0)
        self.n = 0
        self._inside = np.ones(len(priors), dtype=np.bool_)

    def extend(self, inner: FloatArray) -> None:
        """Put more observations on the grid.

        Args:
            inner: On the inner scale, oldest first, shape (labels, new observations).
        """
        if not inner.shape[1]:
            return
        points, fractions, inside = self._locate(inner)
        self._inside &= inside.all(axis=1)
        known, n = self.n, self.n + inner.shape[1]
        if n > len(self._cells):
            cells, shares, matrix = self._room_for(n + n // 4 + 64)
            cells[:known], shares[:known] = self._cells[:known], self._shares[:known]
            self._cells, self._shares, self._matrix = cells, shares, matrix
        self._cells[known:n] = points.T[:, :, None] + _NODES
        self._shares[known:n] = _powers(fractions.T, len(_NODES)) @ _COEFFICIENTS
        self.n = n

    def truncate(self, n: int) -> None:
        """Forget the observations from the n-th on."""
        self.n = min(self.n, n)

    def sums(
        self, inner: FloatArray, weights: FloatArray, without: tuple[IntArray, IntArray]
    ) -> tuple[FloatArray, float]:
        """Return, for each candidate, the sum of the weighted kernels of the observations.

        A kernel is ``exp(-z**2 / 2)``, z in narrowest widths.

        Args:
            inner: Candidates on the inner scale, shape (labels, candidates).
            weights: Of all observations, oldest first; not negative.
            without: The labels and the observations of kernels to be left out.

        Returns:
            The sums, in the shape of ``inner``, NaN for labels with anything outside of their
            grid; and how far each may be from the truth.
        """
        points, fractions, inside = self._locate(inner)
        fractions -= 0.5
        heights = self._heights(weights, without)
        windows: FloatArray = np.ndarray(
            (len(heights) - len(_SERIES) + 1, len(_SERIES)), buffer=heights, strides=(8, 8)
        )
        powers = _powers(fractions, _DEGREE + 1)
        found: FloatArray = np.einsum("ijk,ijk->ij", windows[points - _REACH] @ _SERIES, powers)
        np.multiply(fractions, fractions, out=fractions)
        fractions *= -0.5 / _POINTS**2
        found *= np.exp(fractions)
        found[~(self._inside & inside.all(axis=1))] = np.nan
        return found, (_NEAR_ERROR + _FAR_ERROR) * float(weights.sum())

    def _heights(self, weights: FloatArray, without: tuple[IntArray, IntArray]) -> FloatArray:
        """Return the weighted sum by grid point."""
        all_weights = np.zeros(len(self._cells))
        all_weights[: self.n] = weights
        heights: FloatArray = self._matrix @ all_weights
        labels, observations = without
        if len(labels):
            lost = self._shares[observations, labels] * weights[observations, None]
            np.subtract.at(heights, self._cells[observations, labels].ravel(), lost.ravel())
        return heights

    def _room_for(self, n: int) -> tuple[NDArray[np.int32], FloatArray, Any]:
        """Return the cells and the shares of observations, and a matrix of grid points by them.

        The matrix has no numbers of its own. Making it takes as long as a product with it.
        """
        shape = n, len(self._sizes), len(_NODES)
        cells, shares = np.zeros(shape, dtype=np.int32), np.zeros(shape)
        starts = np.arange(n + 1, dtype=np.int32) * np.int32(cells[0].size if n else 0)
        parts = shares.reshape(-1), cells.reshape(-1), starts
        return cells, shares, csc_matrix(parts, shape=(self._total, n), copy=False)

    def _locate(self, inner: FloatArray) -> tuple[IntArray, Any, BoolArray]:
        """Return the grid point at or below each value, and how far that is."""
        with np.errstate(over="ignore"):
            places = inner - self._origins
            places /= self._steps
        points = np.floor(places)
        inside = (points >= _MARGIN - 2) & (points < self._sizes - _MARGIN + 2)
        points[~inside] = places[~inside] = _MARGIN  # not infinite
        places -= points
        cells = points.astype(np.int64)
        cells += self._starts
        return cells, places, inside


def _powers(x: Any, n: int) -> FloatArray:
    """Return the first powers of each number, from the 0th on, along a new last axis."""
    powers = np.empty((*x.shape, n))
    powers[..., 0] = 1.0
    powers[..., 1:] = x[..., None]
    return np.multiply.accumulate(powers, axis=-1, out=powers)


def _ends(prior: NumericPrior) -> tuple[float, float]:
    if prior.low is not None and prior.high is not None:
        return prior.low, prior.high
    return prior.mu - _SPREAD * prior.sigma, prior.mu + _SPREAD * prior.sigma
