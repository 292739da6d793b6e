"""Draw from priors and from Parzen mixtures, consuming the generator as hyperopt does.

Source: ``hyperopt.pyll.stochastic`` and ``GMM1``, ``LGMM1`` of ``hyperopt.tpe``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from hyperbridge.search.tpe.multinomial import tests_of
from hyperbridge.search.tpe.parzen import Listed
from hyperbridge.search.tpe.priors import CategoricalPrior, FloatArray, NumericPrior, Prior
from hyperbridge.search.tpe.stream import Stream


def draw_prior(prior: Prior, rng: np.random.Generator) -> Any:
    """Draw one value from the prior.

    Returns:
        A ``numpy.float64`` as in hyperopt's documents, or the category, offset taken off, as a
        ``numpy.int64``.
    """
    if isinstance(prior, CategoricalPrior):
        if prior.probabilities is None:
            return rng.integers(prior.offset, prior.offset + prior.size, 1)[0] - prior.offset
        return rng.multinomial(n=1, pvals=prior.probabilities, size=1)[0].argmax()
    if prior.low is not None and prior.high is not None:
        x = rng.uniform(prior.low, prior.high)
    else:
        x = rng.normal(prior.mu, prior.sigma)
    if prior.log:
        x = np.exp(x)
    return np.float64(x if prior.q is None else np.rint(x / prior.q) * prior.q)


def drawer(prior: Prior) -> Callable[[np.random.Generator], Any]:
    """Return `draw_prior` of one prior, made of cheaper calls where they draw the same."""
    if not _cheaper_calls_work():
        return functools.partial(draw_prior, prior)
    return _cheaper(prior)


def _cheaper(prior: Prior) -> Callable[[np.random.Generator], Any]:
    if isinstance(prior, CategoricalPrior):
        return _category_drawer(prior)
    if prior.q is not None:
        return functools.partial(draw_prior, prior)
    if prior.low is not None and prior.high is not None:
        low, width = prior.low, prior.high - prior.low
        if prior.log:
            return lambda rng: np.exp(low + width * rng.random())
        return lambda rng: np.float64(low + width * rng.random())
    mu, sigma = prior.mu, prior.sigma
    if prior.log:
        return lambda rng: np.exp(mu + sigma * rng.standard_normal())
    return lambda rng: np.float64(mu + sigma * rng.standard_normal())


def _category_drawer(prior: CategoricalPrior) -> Callable[[np.random.Generator], Any]:
    if prior.probabilities is None:
        low, size = prior.offset, prior.size
        if not low:
            return lambda rng: np.int64(rng.integers(size))
        return lambda rng: np.int64(rng.integers(low, low + size) - low)
    weights = prior.probabilities.tolist()
    tests = tests_of(tuple(weights)) if abs(sum(weights) - 1.0) < 1e-9 else None
    if tests is None:
        return functools.partial(draw_prior, prior)

    def draw(rng: np.random.Generator) -> np.int64:
        category = 0
        for bound, above in tests:
            if (rng.random() > bound) is above:
                break
            category += 1
        drawn: np.int64 = np.int64(category)
        return drawn

    return draw


@functools.cache
def _cheaper_calls_work() -> bool:
    """Tell whether the cheaper calls draw the same with this NumPy, on this machine.

    A C compiler may fuse a product with a sum, which rounds once and not twice.
    """
    priors: tuple[Prior, ...] = (
        NumericPrior(-0.1, 0.7, 0.3, 0.8, False, None, None),
        NumericPrior(None, None, 0.3, 1.7, False, None, None),
        CategoricalPrior(3, 0, np.array([0.6, 0.1, 0.3])),
        CategoricalPrior(4, 0, np.full(4, 0.25)),
        CategoricalPrior(5, -2, None),
        CategoricalPrior(6, 0, None),
    )
    one, other = np.random.default_rng(0), np.random.default_rng(0)
    cheaper = [_cheaper(prior) for prior in priors]
    return all(
        draw_prior(prior, one) == draw(other)
        for _ in range(100)
        for prior, draw in zip(priors, cheaper, strict=True)
    )


def draw_mixture(prior: NumericPrior, mixture: Listed, stream: Stream, n: int) -> FloatArray:
    """Draw ``n`` candidates, as the user sees them, from a normalised mixture."""
    if prior.low is None or prior.high is None:
        values = stream.normals(stream.components(mixture.weights, n), mixture)
    else:
        values = stream.truncated(prior.low, prior.high, mixture, n)
    if prior.log:
        np.exp(values, out=values)
    if prior.q is not None:
        values /= prior.q
        np.rint(values, out=values)
        values *= prior.q
    return values


@functools.cache
def arithmetic_is_uniform() -> bool:
    """Tell whether NumPy's exp and log give a number the same image alone and in an array.

    The implementations differ by processor. hyperopt takes them of single numbers in one place
    and of arrays in another, and so does this module, but not in the same places.
    """
    numbers = np.random.default_rng(0).uniform(1e-6, 30.0, 257)
    for function in (np.exp, np.log):
        images = function(numbers)
        alone = [function(float(number)) for number in numbers]
        single = [function(numbers[i : i + 1])[0] for i in range(len(numbers))]
        if images.tolist() != alone or images.tolist() != single:
            return False
    return True
