"""The rank test is exact, says what it can find, and calls equal columns equal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from hyperbridge.compare.rank_test import detectable, fewest_repeats, least_p, p_higher


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=12, unique=True), st.data())
def test_without_ties_it_is_scipys_exact_test(values: list[int], data: st.DataObject) -> None:
    n = data.draw(st.integers(1, len(values) - 1))
    base, other = [float(v) for v in values[:n]], [float(v) for v in values[n:]]
    expected = mannwhitneyu(other, base, alternative="greater", method="exact").pvalue
    assert p_higher(base, other) == pytest.approx(expected)


def test_ties_and_infinities_are_values() -> None:
    assert p_higher([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]) == 1.0
    assert p_higher([1.0, 2.0, 3.0], [float("inf")] * 3) == pytest.approx(1 / 20)
    # of the 6 ways to deal 1, 2, 2, 3 out, (2, 3) comes twice and is the highest pair
    assert p_higher([1.0, 2.0], [2.0, 3.0]) == pytest.approx(2 / 6)
    assert p_higher([0.1 + 0.2], [0.3]) == 1.0  # rounding is no rank


def test_what_so_many_repeats_can_show() -> None:
    assert least_p(5, 5) == pytest.approx(1 / 252)
    assert fewest_repeats(0.05) == 3
    assert fewest_repeats(1 / 252) == 5
    assert fewest_repeats(1 / 253) == 6


@pytest.mark.parametrize(("n", "alpha"), [(5, 0.0125), (8, 0.01)])
def test_what_is_called_detectable_is_found_four_times_in_five(n: int, alpha: float) -> None:
    shift = detectable(n, n, alpha)
    random = np.random.default_rng(17)
    found = [
        p_higher(list(random.normal(size=n)), list(random.normal(size=n) + shift)) <= alpha
        for _ in range(600)
    ]
    assert 0.74 < np.mean(found) < 0.86
    assert detectable(n + 5, n + 5, alpha) < shift


def test_equal_columns_are_called_worse_as_seldom_as_it_says() -> None:
    random = np.random.default_rng(3)
    alpha = 0.0125
    found = [
        p_higher(list(random.normal(size=5)), list(random.normal(size=5))) <= alpha
        for _ in range(2000)
    ]
    assert np.mean(found) <= alpha
