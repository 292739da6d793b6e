"""The better part of the observations of one group: fitted once, and kept while it is the same.

Most trials of a search are not among its best, and leave the better part as it was.
"""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import numpy as np

from hyperbridge.search.tpe.columns import GroupColumns
from hyperbridge.search.tpe.parzen import Listed, Mixture, fit_placed, fit_sorted, normalised
from hyperbridge.search.tpe.priors import FloatArray, IntArray


class BetterPart(NamedTuple):
    """What the better part of a group's observations says.

    Attributes:
        prior_weight: The weight of the prior in it.
        mixture: Of the numeric labels.
        listed: The same by label.
        categories: The weights of the categories, by categorical label.
        log_weights: Their logarithms, in the numbering of `GroupColumns.starts`.
    """

    prior_weight: float
    mixture: Mixture
    listed: list[Listed]
    categories: list[list[float]]
    log_weights: list[float]


def fit_better(columns: GroupColumns, better: IntArray, prior_weight: float) -> BetterPart:
    """Return what is kept of the better part, or fit it and keep that.

    Args:
        columns: The group's observations, split.
        better: The observations of the better part; so few that all of their weights are 1.
        prior_weight: Weight of the prior beside observations of weight 1.
    """
    kept = columns.kept
    if isinstance(kept, BetterPart) and kept.prior_weight == prior_weight:
        return kept
    mixture = _fit(columns, better, prior_weight)
    listed = [mixture.row(row).listed() for row in range(len(columns.numeric))]
    codes = columns.codes.take(better, axis=1).ravel()
    counts = np.bincount(codes, minlength=columns.starts[-1])
    shares, log_weights = category_weights(columns, counts, prior_weight)
    categories = [shares[block].tolist() for block in columns.blocks]
    columns.kept = part = BetterPart(prior_weight, mixture, listed, categories, log_weights)
    return part


def category_weights(
    columns: GroupColumns, counts: FloatArray | IntArray, prior_weight: float
) -> tuple[FloatArray, list[float]]:
    """Return the weights of all categories, and their logarithms.

    Args:
        columns: The group's observations.
        counts: Sums of the weights of the observations, in the numbering of
            `GroupColumns.starts`.
        prior_weight: Weight of the prior beside observations of weight 1.
    """
    pseudo_counts, positive = columns.pseudo_counts(prior_weight)
    shares = counts + pseudo_counts
    for block in columns.blocks:  # each by itself: the order of a sum decides its last bit
        label = shares[block]
        label /= np.add.reduce(label)
    with contextlib.nullcontext() if positive else np.errstate(divide="ignore"):
        logarithms: list[float] = np.log(shares).tolist()
    return shares, logarithms


def _fit(columns: GroupColumns, better: IntArray, prior_weight: float) -> Mixture:
    n = len(better)
    prior_mus, prior_sigmas = columns.prior_mus, columns.prior_sigmas
    if n == 1:  # the prior comes after a single observation that it equals
        observations = columns.inner[:, better]
        return normalised(fit_sorted(observations, None, prior_mus, prior_sigmas, prior_weight))
    mus = np.empty((len(prior_mus), n + 1))
    columns.inner.take(better, axis=1, out=mus[:, :n], mode="clip")
    mus[:, n] = prior_mus
    mus.sort(axis=1)
    places = np.add.reduce(mus < prior_mus[:, None], axis=1).tolist()
    weights = np.ones(mus.shape)
    weights[range(len(places)), places] = prior_weight
    return normalised(fit_placed(mus, weights, places, prior_sigmas))
