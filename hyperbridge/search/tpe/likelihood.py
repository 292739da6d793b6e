"""Log-likelihoods under Parzen mixtures, by hyperopt's own float operations in its own order.

Source: ``GMM1_lpdf`` and ``LGMM1_lpdf`` of ``hyperopt.tpe``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import erf

from hyperbridge.search.tpe.parzen import Mixture
from hyperbridge.search.tpe.priors import EPS, FloatArray, NumericPrior

_SQRT2 = np.sqrt(2)


def log_likelihood(prior: NumericPrior, values: FloatArray, mixture: Mixture) -> FloatArray:
    """Return the log-likelihood of each value; infinite or NaN where hyperopt's is.

    Args:
        prior: The label's prior.
        values: Candidates as the user sees them, shape (candidates,).
        mixture: Normalised mixture, shape (components,).
    """
    with np.errstate(all="ignore"):
        if prior.q is not None:
            return _quantised(prior, values, mixture)
        if prior.log:
            return _lognormal(values, mixture)
        return _normal(prior, values, mixture)


def _normal(prior: NumericPrior, values: FloatArray, mixture: Mixture) -> FloatArray:
    distance = values[:, None] - mixture.mus
    mahalanobis = (distance / np.maximum(mixture.sigmas, EPS)) ** 2
    norm = np.sqrt(2 * np.pi * mixture.sigmas**2)
    coefficients = mixture.weights / norm / _accepted(prior, mixture)
    return _log_sum_rows(-0.5 * mahalanobis + np.log(coefficients))


def _lognormal(values: FloatArray, mixture: Mixture) -> FloatArray:
    column = values[:, None]
    sigmas = np.maximum(mixture.sigmas, EPS)
    norm = sigmas * column * np.sqrt(2 * np.pi)
    exponent = 0.5 * ((np.log(column) - mixture.mus) / sigmas) ** 2
    return _log_sum_rows((-exponent - np.log(norm)) + np.log(mixture.weights))


def _quantised(prior: NumericPrior, values: FloatArray, mixture: Mixture) -> FloatArray:
    different, inverse = np.unique(values, return_inverse=True)
    upper, lower = quantum_edges(prior, different)
    new = np.empty(len(mixture.mus), dtype=bool)
    new[0] = True
    np.logical_or(
        mixture.mus[1:] != mixture.mus[:-1], mixture.sigmas[1:] != mixture.sigmas[:-1], out=new[1:]
    )
    mus, sigmas = mixture.mus[new][:, None], mixture.sigmas[new][:, None]
    below_upper = _cdf(prior, upper, mus, sigmas)
    below_lower = _cdf(prior, lower, mus, sigmas)
    component = np.cumsum(new) - 1
    weights = mixture.weights[:, None]
    mass = np.zeros((len(mixture.mus) + 1, len(different)))
    np.subtract(weights * below_upper[component], weights * below_lower[component], out=mass[1:])
    # Reducing a C-ordered array over its first axis adds the rows one after the other, as the
    # loop over components in hyperopt does.
    probability = np.add.reduce(mass, axis=0)
    log_probability: FloatArray = np.log(probability) - np.log(_accepted(prior, mixture))
    return log_probability[inverse]


def quantum_edges(prior: NumericPrior, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the upper and lower edge of the interval that was rounded to each value."""
    assert prior.q is not None
    half = prior.q / 2
    upper, lower = values + half, values - half
    if prior.low is not None and prior.high is not None:
        ends = np.array([prior.low, prior.high])
        low, high = np.exp(ends) if prior.log else ends
        upper, lower = np.minimum(upper, high), np.maximum(lower, low)
    if prior.log:
        lower = np.maximum(0, lower)
    return upper, lower


def _cdf(prior: NumericPrior, x: FloatArray, mus: FloatArray, sigmas: FloatArray) -> FloatArray:
    scale = np.maximum(_SQRT2 * sigmas, EPS)
    if prior.log:
        return np.asarray(0.5 + 0.5 * erf((np.log(np.maximum(x, EPS)) - mus) / scale))
    return np.asarray(0.5 * (1 + erf((x - mus) / scale)))


def _accepted(prior: NumericPrior, mixture: Mixture) -> Any:
    """Return the mass of the mixture inside of the support."""
    if prior.low is None or prior.high is None:
        return 1
    scale = np.maximum(_SQRT2 * mixture.sigmas, EPS)
    high = 0.5 * (1 + erf((prior.high - mixture.mus) / scale))
    low = 0.5 * (1 + erf((prior.low - mixture.mus) / scale))
    return np.sum(mixture.weights * (high - low))


def _log_sum_rows(x: FloatArray) -> FloatArray:
    top = x.max(axis=1)
    return np.asarray(np.log(np.exp(x - top[:, None]).sum(axis=1)) + top)
