"""The test behind "worse": exact, by ranks, over the repeats of two columns.

Under the hypothesis that both columns are alike every way to deal the ranks of all repeats out to
them is as likely. The p-value is the share of the ways that give the second column a rank sum as
high as the one seen, or higher; equal values share their mean rank.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np

ALPHA = 0.05
"""How often a table of equal columns may have a "worse" among its losses, or its times."""

_ENOUGH = 0.8
"""A difference counts as detectable that is found so often."""

_N_SIMULATED = 4000


def p_higher(base: Sequence[float], other: Sequence[float]) -> float:
    """Return how likely it is by chance that ``other`` ranks as high above ``base``, or higher.

    Args:
        base: Values of one column; infinities are values like others.
        other: Values of the other.

    Examples:
        >>> p_higher([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
        0.05
        >>> p_higher([1.0, 1.0], [1.0, 1.0])
        1.0
    """
    ranks = _double_ranks([*base, *other])
    seen = sum(ranks[len(base) :])
    ways = _ways(ranks, len(other))
    as_high = sum(n for total, n in ways.items() if total >= seen)
    return as_high / math.comb(len(ranks), len(other))


def least_p(n: int, m: int) -> float:
    """Return the lowest p-value that so many repeats can have.

    Examples:
        >>> round(least_p(6, 6), 5)
        0.00108
    """
    return 1 / math.comb(n + m, n)


def fewest_repeats(alpha: float) -> int:
    """Return how many repeats of both columns it takes for a p-value of at most ``alpha``.

    Examples:
        >>> fewest_repeats(0.05), fewest_repeats(0.05 / 33)
        (3, 6)
    """
    n = 1
    while least_p(n, n) > alpha:
        n += 1
    return n


@functools.lru_cache(maxsize=64)
def detectable(n: int, m: int, alpha: float) -> float:
    """Return the shift that the test finds four times in five, in standard deviations.

    It is simulated with normal repeats, from a fixed seed.

    Args:
        n: Repeats of one column.
        m: Repeats of the other.
        alpha: What a p-value must not be above. At least `least_p`.
    """
    random = np.random.default_rng(0)
    base = random.standard_normal((_N_SIMULATED, n))
    other = random.standard_normal((_N_SIMULATED, m))
    wins = _critical_wins(n, m, alpha)
    low, high = 0.0, 64.0
    for _ in range(24):
        middle = (low + high) / 2
        won = (other[:, None, :] + middle > base[:, :, None]).sum(axis=(1, 2))
        if float((won >= wins).mean()) >= _ENOUGH:
            high = middle
        else:
            low = middle
    return high


def _critical_wins(n: int, m: int, alpha: float) -> int:
    """Return in how many of the pairs the second column must be higher."""
    ways = _ways([2 * rank for rank in range(1, n + m + 1)], m)
    lowest = m * (m + 1) // 2
    as_high = 0
    wins = n * m
    for total in sorted(ways, reverse=True):
        as_high += ways[total]
        if as_high / math.comb(n + m, m) > alpha:
            break
        wins = total // 2 - lowest
    return wins


def _double_ranks(values: Sequence[float]) -> list[int]:
    """Return twice the rank of each value, which is whole for ties too."""
    rounded = [float(f"{value:.9g}") for value in values]
    return [
        sum(other < value for other in rounded) * 2 + rounded.count(value) + 1 for value in rounded
    ]


def _ways(ranks: Sequence[int], n: int) -> dict[int, int]:
    """Return in how many ways ``n`` of the ranks have each sum."""
    by_size: list[dict[int, int]] = [{0: 1}, *({} for _ in range(n))]
    for rank in ranks:
        for size in range(n, 0, -1):
            for total, ways in by_size[size - 1].items():
                at = by_size[size]
                at[total + rank] = at.get(total + rank, 0) + ways
    return by_size[n]
