"""The parts of our algorithm equal those of hyperopt and NumPy, or bound their error."""

from __future__ import annotations

import numpy as np
import pytest
from hyperopt import hp
from hyperopt import tpe as reference

from hyperbridge.search.tpe.certified import (
    UNDECIDED,
    best_continuous,
    best_quantised,
    inner_values,
)
from hyperbridge.search.tpe.likelihood import log_likelihood
from hyperbridge.search.tpe.parzen import (
    Mixture,
    fit,
    fit_rounded,
    fit_sorted,
    forgetting_weights,
    normalised,
)
from hyperbridge.search.tpe.priors import NumericPrior, read_prior
from hyperbridge.search.tpe.stream import Stream
from hyperbridge.search.tpe.word_stream import FastStream, stream_works
from hyperbridge.search.tpe.ziggurat import numpys_ziggurat

PRIORS: dict[str, NumericPrior] = {
    "uniform": NumericPrior(-1.0, 3.0, 1.0, 4.0, False, None, None),
    "quniform": NumericPrior(-1.0, 30.0, 14.5, 31.0, False, 2.0, None),
    "loguniform": NumericPrior(-3.0, 2.0, -0.5, 5.0, True, None, None),
    "qloguniform": NumericPrior(-1.0, 4.0, 1.5, 5.0, True, 0.5, float(np.exp(-1.0))),
    "normal": NumericPrior(None, None, 1.0, 2.0, False, None, None),
    "qnormal": NumericPrior(None, None, 1.0, 4.0, False, 0.5, None),
    "lognormal": NumericPrior(None, None, 0.3, 1.2, True, None, None),
    "qlognormal": NumericPrior(None, None, 1.0, 1.0, True, 1.0, 1e-12),
}


def draw_inner(prior: NumericPrior, rng: np.random.Generator, n: int) -> np.ndarray:
    """Observations on the inner scale, as rounded as the prior says."""
    if prior.low is not None and prior.high is not None:
        values = rng.uniform(prior.low, prior.high, n)
    else:
        values = rng.normal(prior.mu, prior.sigma, n)
    if prior.q is not None:
        outer = np.rint((np.exp(values) if prior.log else values) / prior.q) * prior.q
        values = np.array([prior.to_inner(value) for value in outer])
    return values


def outer(prior: NumericPrior, inner: np.ndarray) -> np.ndarray:
    values = np.exp(inner) if prior.log else inner
    return values if prior.q is None else np.rint(values / prior.q) * prior.q


@pytest.mark.parametrize("n", [0, 1, 2, 24, 25, 26, 27, 100, 2000])
def test_forgetting_weights_equal_hyperopts(n: int) -> None:
    expected = reference.linear_forgetting_weights(n, reference.DEFAULT_LF)
    assert forgetting_weights(n).tobytes() == expected.tobytes()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 25, 26, 27, 90, 400])
@pytest.mark.parametrize("name", PRIORS)
def test_a_fit_equals_hyperopts(name: str, n: int) -> None:
    prior = PRIORS[name]
    for seed in range(3):
        observations = draw_inner(prior, np.random.default_rng(seed), n)
        expected = reference.adaptive_parzen_normal(observations, 0.7, prior.mu, prior.sigma)
        ours = fit(observations, prior, 0.7)
        for part, theirs in zip(ours, expected, strict=True):
            assert part.tobytes() == np.asarray(theirs, dtype=float).tobytes()


def test_an_observation_at_the_prior_is_placed_as_hyperopt_places_it() -> None:
    prior = PRIORS["uniform"]
    for observations in ([1.0], [1.0, 1.0], [0.5, 1.0, 2.0]):
        expected = reference.adaptive_parzen_normal(np.array(observations), 1.0, 1.0, 4.0)
        ours = fit(np.array(observations), prior, 1.0)
        assert [part.tolist() for part in ours] == [part.tolist() for part in expected]


@pytest.mark.parametrize("name", PRIORS)
def test_log_likelihoods_equal_hyperopts(name: str) -> None:
    prior = PRIORS[name]
    of_hyperopt = reference.LGMM1_lpdf if prior.log else reference.GMM1_lpdf
    for seed in range(4):
        rng = np.random.default_rng(seed)
        mixture = fit(draw_inner(prior, rng, 10 ** (seed % 3 + 1)), prior, 1.0)
        values = outer(prior, draw_inner(prior, rng, 24))
        with np.errstate(all="ignore"):
            expected = of_hyperopt(values, *mixture, low=prior.low, high=prior.high, q=prior.q)
        assert log_likelihood(prior, values, mixture).tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", PRIORS)
def test_a_certified_winner_is_the_exact_winner(name: str) -> None:
    prior = PRIORS[name]
    decided = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        better = fit(draw_inner(prior, rng, 8), prior, 1.0)
        observations = np.sort(draw_inner(prior, rng, (40, 300, 2500, 900)[seed % 4]))
        weights = rng.uniform(0.1, 1.0, len(observations))
        ends = np.array([prior.mu]), np.array([prior.sigma])
        exact = fit_sorted(observations[None, :], weights[None, :], *ends, 1.0)
        values = outer(prior, draw_inner(prior, rng, 24))
        scores = log_likelihood(prior, values, better) - log_likelihood(
            prior, values, normalised(exact).row(0)
        )
        if prior.q is None:
            many = Mixture(*(part[None, :] for part in better))
            inner = inner_values([prior], values[None, :])
            position = best_continuous(values[None, :], inner, many, exact)[0]
        else:
            rounded = fit_rounded(observations, weights, prior, 1.0)
            position = best_quantised(prior, values, better, rounded)
        if position != UNDECIDED:
            decided += 1
            assert values[position] == values[scores.argmax()]
    assert decided > 40


def test_candidates_that_are_not_separated_are_left_undecided() -> None:
    prior = PRIORS["normal"]
    mixture = Mixture(np.ones((1, 1)), np.array([[prior.mu]]), np.array([[prior.sigma]]))
    values = prior.mu + np.array([[0.25, -0.25, 2.0]])
    wider = Mixture(mixture.weights, mixture.mus, 2 * mixture.sigmas)
    assert best_continuous(values, values, mixture, wider) == [UNDECIDED]
    assert best_continuous(values[:, 1:], values[:, 1:], mixture, wider) == [0]


def test_candidates_beyond_the_range_of_floats_are_left_undecided() -> None:
    narrow = Mixture(np.ones((1, 1)), np.array([[0.0]]), np.array([[1e-3]]))
    values = np.array([[0.0, 1.0]])
    assert best_continuous(values, values, narrow, narrow) == [UNDECIDED]


@pytest.mark.skipif(numpys_ziggurat() is None, reason="this NumPy draws normals in another way")
def test_the_ziggurat_gives_the_normals_of_single_words() -> None:
    ziggurat = numpys_ziggurat()
    assert ziggurat is not None
    bits = np.random.PCG64(3)
    generator = np.random.Generator(bits)
    agreed = 0
    for _ in range(5000):
        word = bits.random_raw(1)
        bits.advance(-1)
        before = bits.state["state"]["state"]
        normal = generator.standard_normal()
        ours = float(ziggurat.normals(word)[0])
        if not np.isnan(ours):
            assert ours == normal
            agreed += 1
        assert bits.state["state"]["state"] != before
    assert agreed > 4800


@pytest.mark.skipif(not stream_works(), reason="the plain stream is in use with this NumPy")
def test_both_streams_draw_the_same_in_any_order_of_calls() -> None:
    ziggurat = numpys_ziggurat()
    assert ziggurat is not None
    source = np.random.default_rng(5)
    one = Stream(np.random.Generator(np.random.PCG64(9)))
    other = FastStream(np.random.PCG64(9), ziggurat)
    for _ in range(1500):
        k = int(source.integers(1, 120))
        weights = source.uniform(0, 1, k) * (source.uniform(0, 1, k) > 0.1)
        weights[0] += 0.05
        if source.random() < 0.6:  # equal ones, as in the better part
            k = int(source.integers(1, 8)) if source.random() < 0.7 else k
            weights = np.ones(k)
        weights /= weights.sum()
        mus, sigmas = source.normal(size=k), source.uniform(0.01, 1, k)
        mixture = Mixture(weights, mus, sigmas).listed()
        n = int(source.integers(1, 60))
        if source.random() < 0.4:
            assert one.components(weights.tolist(), n) == other.components(weights.tolist(), n)
        elif source.random() < 0.5:
            components = source.integers(k, size=n).tolist()
            drawn = one.normals(components, mixture)
            assert drawn.tolist() == other.normals(components, mixture).tolist()
        else:
            bounds = (mus.min() - 0.1, mus.max() + source.choice([0.05, 9.0]))
            drawn = one.truncated(*bounds, mixture, n)
            assert drawn.tolist() == other.truncated(*bounds, mixture, n).tolist()


def test_priors_are_read_with_hyperopts_centre_and_width() -> None:
    node = hp.qloguniform("x", -1, 4, 0.5).pos_args[0].arg["obj"]
    assert read_prior(node) == PRIORS["qloguniform"]
    node = hp.qlognormal("x", 1, 1, 1).pos_args[0].arg["obj"]
    assert read_prior(node) == PRIORS["qlognormal"]
