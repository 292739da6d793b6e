"""Sum up the worse part of a long history: narrow components by a grid, the others one by one."""

from __future__ import annotations

import numpy as np

from hyperbridge.search.tpe.columns import GroupColumns
from hyperbridge.search.tpe.densities import LOWEST_EXPONENT
from hyperbridge.search.tpe.parzen import larger_gaps
from hyperbridge.search.tpe.priors import FloatArray

_LONG = 500  # observations from which on nearly all components have the least width,
_MANY = 1600  # and so many of all labels for the grid to pay


def is_long(columns: GroupColumns, rows: list[int], n_worse: int) -> bool:
    """Tell whether `sums_of_worse` works and pays for some labels of a group."""
    return (
        n_worse >= _LONG
        and n_worse * len(rows) >= _MANY
        and rows == columns.smooth
        and not any(columns.tied[row] for row in rows)
    )


def sums_of_worse(
    columns: GroupColumns, inner: FloatArray, weights: FloatArray, n_worse: int
) -> tuple[FloatArray, float]:
    """Return densities under the worse part, up to a factor of each label, and their error.

    Args:
        columns: The observations, split.
        inner: Candidates of the labels without a rounding step on the inner scale, shape (labels,
            candidates).
        weights: By observation, 0 for the better part; the prior's at the end.
        n_worse: Number of observations in the worse part.

    Returns:
        The densities, in the shape of ``inner``, NaN for labels with anything far from the prior;
        and how far each may be from the truth.
    """
    grid, n_labels = columns.grid(), len(columns.smooth)
    known = slice(n_worse + 1)
    rows = columns.index(columns.smooth)
    mus, order = columns.worse[rows, known], columns.order[rows, known]
    prior_sigmas = columns.prior_sigmas[rows]
    sigmas = larger_gaps(mus)
    is_wide = sigmas > grid.narrowest[:, None]
    is_wide[range(n_labels), [columns.prior_at[row] for row in columns.smooth]] = True
    labels, components = np.nonzero(is_wide)
    observations = order[labels, components]
    is_prior = observations < 0
    own = np.minimum(sigmas[labels, components], prior_sigmas[labels])
    own[is_prior] = prior_sigmas
    z = inner[labels]
    z -= mus[labels, components][:, None]
    z /= own[:, None]
    np.multiply(z, z, out=z)
    z *= -0.5
    np.maximum(z, LOWEST_EXPONENT, out=z)
    np.exp(z, out=z)
    z *= (weights[observations] * grid.narrowest[labels] / own)[:, None]
    sums = np.add.reduceat(z, labels.searchsorted(np.arange(n_labels)), axis=0)
    by_grid, slack = grid.sums(inner, weights[:-1], (labels[~is_prior], observations[~is_prior]))
    sums += by_grid
    return sums, slack
