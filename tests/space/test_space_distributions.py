"""Distributions refuse what cannot work, at birth, and know their support."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hyperbridge.space.distributions import (
    Categorical,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    RandInt,
    Uniform,
    make_distribution,
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(0, -1), "low must not be above high, got low=0, high=-1"),
        (lambda: LogUniform(2, -2), "low must not be above high"),
        (lambda: QUniform(3, 2, 1), "low must not be above high"),
        (lambda: QLogUniform(0, -1, 1), "low must not be above high"),
        (lambda: Uniform(0, math.inf), "high must be finite, got inf"),
        (lambda: Uniform(math.nan, 1), "low must be finite, got nan"),
        (lambda: Uniform(0, "1"), "high must be a number, got '1'"),
        (lambda: Uniform(None, 1), "low must be a number, got None"),
        (lambda: QUniform(0, 1, 0), "q must be greater than 0, got q=0"),
        (lambda: QLogUniform(0, 1, -2), "q must be greater than 0, got q=-2"),
        (lambda: LogNormal(0, -1), "sigma must not be negative, got sigma=-1"),
        (lambda: QNormal(0, 1, 0), "q must be greater than 0"),
        (lambda: QLogNormal(math.inf, 1, 1), "mu must be finite"),
        (lambda: RandInt(0, 0), "at least one value or option, got upper end 0"),
        (lambda: RandInt(0, -3), "at least one value or option, got upper end -3"),
        (lambda: RandInt(5, 2, offset_form=True), "got upper end low=5, high=2"),
        (lambda: RandInt(0, math.nan), "high must be finite"),
        (lambda: Categorical([]), "at least one probability"),
        (lambda: Categorical([0.5, 0.6]), r"must sum to 1, got \[0.5, 0.6\], sum 1.1"),
        (lambda: Categorical([0.3, 0.3, 0.3]), "must sum to 1"),
        (lambda: Categorical([1.005, 0.0]), "must sum to 1"),
        (lambda: Categorical([0.33, 0.33, 0.33, 0.0]), "must sum to 1"),
        (lambda: Categorical([-0.5, 1.5]), "must not be negative"),
        (lambda: Categorical([math.nan, 1]), "must be finite"),
    ],
)
def test_impossible_arguments_are_refused_with_the_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (Uniform(0, 0), 0),
        (LogUniform(0, 0), 1),
        (QUniform(2, 2, 1), 2),
        (QLogUniform(0, 0, 1), 1),
        (Normal(3, 0), 3),
        (LogNormal(0, 0), 1),
        (QNormal(2.2, 0, 1), 2),
        (QLogNormal(0.5, 0, 1), 2),
    ],
)
def test_equal_ends_and_a_sigma_of_0_leave_one_value(distribution, value):
    assert distribution.is_single
    assert distribution.draw(np.random.default_rng(0)) == value
    assert distribution.bounds() == (value, value)
    assert distribution.contains(value)
    assert not distribution.contains(value + 1)


@pytest.mark.parametrize("given", [[0.33, 0.33, 0.33], [0.17] * 6, [0.333, 0, 0.333, 0.333]])
def test_rounded_probabilities_are_drawn_as_hyperopt_draws_them(given):
    one, other = np.random.default_rng(0), np.random.default_rng(0)
    drawn = [Categorical(given).draw(one) for _ in range(200)]
    assert drawn == [int(other.multinomial(1, given).argmax()) for _ in range(200)]


def test_zero_is_a_valid_bound_and_probability():
    assert Uniform(0, 1).low == 0
    assert Uniform(-1, 0).high == 0
    assert Categorical([0, 1]).probabilities == (0.0, 1.0)


def test_numpy_scalars_become_plain_numbers():
    assert type(Uniform(np.float32(0), np.int64(2)).high) is float
    assert type(RandInt(np.int64(0), np.int32(3)).high) is int
    assert all(type(p) is float for p in Categorical(np.array([0.25, 0.75])).probabilities)


def test_probabilities_may_miss_one_by_a_rounding_error():
    thirds = Categorical([0.333333, 0.333333, 0.333334 + 1e-6])
    drawn = {thirds.draw(np.random.default_rng(seed)) for seed in range(40)}

    assert drawn == {0, 1, 2}


def test_distributions_are_frozen_and_compare_by_value():
    assert Uniform(0, 1) == Uniform(0.0, 1.0)
    assert Uniform(0, 1) != LogUniform(0, 1)
    assert len({RandInt(0, 3), RandInt(0, 3, offset_form=True)}) == 2
    with pytest.raises(AttributeError):
        Uniform(0, 1).low = 3


@pytest.mark.parametrize(
    ("distribution", "bounds"),
    [
        (Uniform(-1, 2), (-1, 2)),
        (LogUniform(0, 1), (1, math.e)),
        (QUniform(1, 10, 4), (0, 8)),
        (QLogUniform(-5, 2, 2), (0, 8)),
        (Normal(0, 1), (-math.inf, math.inf)),
        (QNormal(0, 1, 0.5), (-math.inf, math.inf)),
        (LogNormal(0, 1), (0, math.inf)),
        (QLogNormal(0, 1, 3), (0, math.inf)),
        (RandInt(-2, 4), (-2, 3)),
        (Categorical([0.5, 0.5]), (0, 1)),
    ],
)
def test_bounds_are_those_after_rounding(distribution, bounds):
    assert distribution.bounds() == pytest.approx(bounds)


@pytest.mark.parametrize(
    ("distribution", "inside", "outside"),
    [
        (Uniform(0, 1), [0, 0.5, 1, np.float64(0.3)], [-0.1, 1.1, math.nan, "0.5", None]),
        (LogUniform(math.log(1e-3), 0), [1e-3, 1], [0, 1e-4, 1.1]),
        (QUniform(0, 1, 0.1), [0.1, 0.3, 0.7000000000000001], [0.15, 1.1]),
        (QUniform(1, 10, 4), [0, 4.0, 8], [1, 10, 12]),
        (QLogNormal(0, 1, 2), [0, 2, 40], [-2, 1, math.inf]),
        (Normal(0, 1), [-1e9, 0], [math.inf, math.nan]),
        (RandInt(2, 5), [2, 4, 3.0, np.int64(4)], [1, 5, 2.5, "3", math.nan, math.inf]),
        (Categorical([0.1, 0.9]), [0, 1], [2, -1, 0.5]),
    ],
)
def test_contains_tells_the_support(distribution, inside, outside):
    assert [value for value in inside if not distribution.contains(value)] == []
    assert [value for value in outside if distribution.contains(value)] == []


def test_a_distribution_that_overflows_draws_infinity_as_numpy_does():
    assert LogUniform(800, 900).draw(np.random.default_rng(0)) == math.inf
    assert QLogUniform(800, 900, 1).draw(np.random.default_rng(0)) == math.inf


def test_the_one_argument_form_of_randint_starts_at_zero():
    assert make_distribution("randint", {"low": 3}) == RandInt(0, 3)
    assert make_distribution("randint", {"low": 3, "high": None}) == RandInt(0, 3)
    assert make_distribution("randint", {"low": 3, "high": 9}) == RandInt(3, 9, offset_form=True)
