"""Sums of many kernels of one width, at the cost of a grid and not of all pairs.

In a long history most components of the worse part have the least width that a component may have.
Each observation is put on the nearest six points of a grid by interpolation of its kernel.
That needs no weights and is done once. A sum of weighted kernels is then one of the kernels
of the grid points near to a candidate.

Source: the idea is that of the non-equispaced fast Gauss transform; the bound is the remainder of
Lagrange's interpolation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from hyperbridge.search.tpe.priors import BoolArray, FloatArray, IntArray, NumericPrior

_WIDTHS = 100.0
"""A component's least width is so much less than the prior's, after as many observations."""

_POINTS = 8  # of the grid, in a width
_REACH = 61  # points from where on a kernel is left out: 7.6 widths
_INNER = (0, 1)  # an observation's points, from the one at or below it; their shares are positive
_OUTER = (-2, -1, 2, 3)
_MARGIN = _REACH + 6
_SPREAD = 8.0  # widths of an unbounded prior on either side of its centre that have a grid
_OFFSETS = np.arange(-_REACH, _REACH + 2)

# The sixth derivative of exp(-z**2 / 2) is at most 15, the product of the distances to the six
# points at most 225/64 of a step to the sixth. Of an observation whose points are not all in reach
# some or none count; their absolute shares add up to less than 2.
_NEAR_ERROR = 15 / 720 * 225 / 64 * _POINTS**-6
_FAR_ERROR = 2.0 * math.exp(-0.5 * ((_REACH - 5) / _POINTS) ** 2)


class _Shares:
    """What some points of each observation have of it: a sparse matrix, a column an observation.

    Args:
        nodes: The points, counted from the one at or below an observation.
        total: Number of all grid points.
    """

    def __init__(self, nodes: tuple[int, ...], total: int) -> None:
        self._nodes = nodes
        self._total = total
        self._cells: NDArray[np.int32] = np.zeros((0, 0, len(nodes)), dtype=np.int32)
        self._shares: FloatArray = np.zeros((0, 0, len(nodes)))

    def extend(self, known: int, points: IntArray, given: dict[int, FloatArray]) -> None:
        """Set the observations from ``known`` on.

        Args:
            known: How many stay as they are.
            points: The point at or below each new one, shape (labels, new).
            given: Their shares by node, each of the same shape.
        """
        labels, new = points.shape
        if known + new > len(self._cells):
            shape = max(2 * (known + new), 1024), labels, len(self._nodes)
            cells, shares = np.zeros(shape, dtype=np.int32), np.zeros(shape)
            if known:
                cells[:known], shares[:known] = self._cells[:known], self._shares[:known]
            self._cells, self._shares = cells, shares
        for k, node in enumerate(self._nodes):
            self._shares[known : known + new, :, k] = given[node].T
            self._cells[known : known + new, :, k] = points.T + node

    def heights(self, weights: FloatArray, without: tuple[IntArray, IntArray]) -> FloatArray:
        """Return the weighted sum by grid point; see `KernelGrid.sums`."""
        n = len(weights)
        cells, shares = self._cells[:n], self._shares[:n]
        starts = np.arange(n + 1, dtype=np.int32) * np.int32(cells[0].size)
        matrix = csc_matrix((shares.ravel(), cells.ravel(), starts), shape=(self._total, n))
        heights: FloatArray = matrix @ weights
        labels, observations = without
        if len(labels):
            lost = shares[observations, labels] * weights[observations, None]
            np.subtract.at(heights, cells[observations, labels].ravel(), lost.ravel())
        return heights


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
        self._inner, self._outer = _Shares(_INNER, self._total), _Shares(_OUTER, self._total)
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
        shares = _interpolation(fractions)
        self._inner.extend(self.n, points, shares)
        self._outer.extend(self.n, points, shares)
        self.n += inner.shape[1]

    def truncate(self, n: int) -> None:
        """Forget the observations from the n-th on."""
        self.n = min(self.n, n)

    def sums(
        self, inner: FloatArray, weights: FloatArray, without: tuple[IntArray, IntArray]
    ) -> tuple[FloatArray, FloatArray]:
        """Return, for each candidate, the sum of the weighted kernels of the observations.

        A kernel is ``exp(-z**2 / 2)``, z in narrowest widths.

        Args:
            inner: Candidates on the inner scale, shape (labels, candidates).
            weights: By observation, oldest first; not negative.
            without: The labels and the observations of kernels to be left out.

        Returns:
            The sums, and how far each may be from the truth; NaN for labels with anything
            outside of their grid. Both of the shape of ``inner``.
        """
        masses = self._inner.heights(weights, without)
        heights = self._outer.heights(weights, without)
        heights += masses
        points, fractions, inside = self._locate(inner)
        starts = points - _REACH
        z = _OFFSETS - fractions[:, :, None]
        np.multiply(z, z, out=z)
        z *= -0.5 / _POINTS**2
        np.exp(z, out=z)
        found: FloatArray = np.einsum("ijk,ijk->ij", _windows(heights)[starts], z)
        found[~(self._inside & inside.all(axis=1))] = np.nan
        near = np.add.reduce(_windows(masses)[starts], axis=2)
        return found, _NEAR_ERROR * near + _FAR_ERROR * float(weights.sum())

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


def _interpolation(fractions: FloatArray) -> dict[int, FloatArray]:
    """Return Lagrange's coefficient of each node, for values at a distance from node 0."""
    nodes = sorted((*_INNER, *_OUTER))
    distances = {node: fractions - node for node in nodes}
    shares: dict[int, FloatArray] = {}
    for node in nodes:
        others = [other for other in nodes if other != node]
        product: Any = math.prod(distances[other] for other in others)
        shares[node] = product / math.prod(node - other for other in others)
    return shares


def _windows(numbers: FloatArray) -> FloatArray:
    """Return a view: for each place, the numbers of the window that starts there."""
    return sliding_window_view(numbers, len(_OFFSETS))


def _ends(prior: NumericPrior) -> tuple[float, float]:
    if prior.low is not None and prior.high is not None:
        return prior.low, prior.high
    return prior.mu - _SPREAD * prior.sigma, prior.mu + _SPREAD * prior.sigma
