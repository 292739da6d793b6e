"""The sums over long histories: as near to the truth as they say, or said to be unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hyperopt import Domain, hp
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperbridge.search.tpe.columns import GroupColumns, History
from hyperbridge.search.tpe.kernel_grid import KernelGrid
from hyperbridge.search.tpe.long_history import is_long, sums_of_worse
from hyperbridge.search.tpe.parzen import fit, forgetting_weights
from hyperbridge.search.tpe.plan import compile_plan
from hyperbridge.search.tpe.priors import NumericPrior

UNIFORM = NumericPrior(-1.0, 3.0, 1.0, 4.0, False, None, None)
NOTHING = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
NORMAL = NumericPrior(None, None, 5.0, 2.0, False, None, None)


def exact_sums(prior: NumericPrior, x: np.ndarray, mus: np.ndarray, weights: np.ndarray):
    z = (x[:, None] - mus) / (prior.sigma / 100.0)
    return np.exp(-0.5 * z * z) @ weights


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 400), cut=st.integers(0, 400))
def test_sums_on_a_grid_are_as_near_as_they_say(seed: int, n: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    grid = KernelGrid([UNIFORM, NORMAL])
    width = rng.choice([0.001, 0.1, 1.0])
    inner = np.stack([rng.uniform(-1, 3, n), 5 + 2 * width * rng.normal(size=n)])
    grid.extend(inner[:, : n // 2])
    grid.extend(rng.uniform(0, 1, (2, cut)) + [[0], [4]])  # then it was another history
    grid.truncate(n // 2)
    grid.extend(inner[:, n // 2 :])
    assert grid.n == n
    weights = rng.uniform(0, 1, n)
    out = rng.permutation(n)[: n // 3]
    without = np.repeat([0, 1], len(out)), np.concatenate([out, out])
    kept = weights.copy()
    kept[out] = 0.0
    x = np.stack([rng.uniform(-1, 3, 24), inner[1, rng.integers(n, size=24)] + 0.01])
    sums, slack = grid.sums(x, weights, without)
    for i, prior in enumerate((UNIFORM, NORMAL)):
        expected = exact_sums(prior, x[i], inner[i], kept)
        assert (abs(sums[i] - expected) <= slack).all()


def test_the_bound_is_no_larger_than_it_must_be() -> None:
    rng = np.random.default_rng(0)
    grid = KernelGrid([UNIFORM])
    mus = rng.uniform(0.5, 0.5 + 0.04 / 6, (1, 500))  # one step of the grid: errors add up
    grid.extend(mus)
    x = np.linspace(0.3, 0.7, 400)[None, :]
    sums, slack = grid.sums(x, np.ones(500), NOTHING)
    error = abs(sums[0] - exact_sums(UNIFORM, x[0], mus[0], np.ones(500)))
    assert slack / 10 < error.max() <= slack < 1e-7 * 500
    far, _ = grid.sums(np.array([[2.5]]), np.ones(500), NOTHING)
    assert abs(far[0, 0]) <= slack


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("far", [1e3, -1e200, 1e308])
def test_what_is_far_from_the_prior_is_said_to_be_unknown(far: float) -> None:
    grid = KernelGrid([NORMAL, NORMAL])
    grid.extend(np.array([[5.0, 5.1], [5.0, far]]))
    sums, _ = grid.sums(np.array([[5.0], [5.0]]), np.ones(2), NOTHING)
    assert np.isnan(sums[:, 0]).tolist() == [False, True]
    grid = KernelGrid([NORMAL])
    grid.extend(np.array([[5.0, 5.1]]))
    assert np.isnan(grid.sums(np.array([[5.0, far]]), np.ones(2), NOTHING)[0]).all()


def columns_of(n: int, seed: int, crowd: float) -> GroupColumns:
    space = {"u": hp.uniform("u", -1, 3), "n": hp.normal("n", 5, 2), "l": hp.loguniform("l", -8, 1)}
    history = History(compile_plan(Domain(lambda point: 0.0, space)))
    rng = np.random.default_rng(seed)
    for _ in range(n):
        share = rng.normal(0.5, crowd, 3) % 1.0  # no two are equal
        values = {
            "u": -1 + 4 * share[0],
            "n": 5 + 8 * (share[1] - 0.5),
            "l": float(np.exp(-8 + 9 * share[2])),
        }
        history.append(values, float(rng.normal()))
    return history.groups[0]


@pytest.mark.parametrize("crowd", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("n", [500, 3000])
def test_sums_over_the_worse_part_are_as_near_as_they_say(n: int, crowd: float) -> None:
    for seed in range(2):
        columns = columns_of(n, seed, crowd)
        below = np.zeros(n, dtype=np.bool_)
        below[np.random.default_rng(seed).permutation(n)[:12]] = True
        columns.split(np.flatnonzero(below).tolist())
        assert is_long(columns, columns.smooth, n - 12) is (n == 3000)
        x = columns.inner[:, np.random.default_rng(9).integers(n, size=24)] + 1e-3
        weights = np.zeros(n + 1)
        weights[:-1][~below] = forgetting_weights(n - 12)
        weights[-1] = 1.5
        sums, slack = sums_of_worse(columns, x, weights, n - 12)
        for row, (_, prior) in enumerate(columns.numeric):
            values = x[row]
            mixture = fit(columns.inner[row, :n][~below], prior, 1.5)
            z = (values[:, None] - mixture.mus) / mixture.sigmas
            heights = mixture.weights * weights.sum() * (prior.sigma / 100.0) / mixture.sigmas
            expected = np.exp(-0.5 * z * z) @ heights
            assert (abs(sums[row] - expected) <= slack + 1e-12).all()
            assert (slack < 1e-2 * expected).all()
