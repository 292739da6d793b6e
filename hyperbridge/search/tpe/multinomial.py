"""What NumPy's multinomial makes of the words of a generator, for one draw or for many at once.

For one trial NumPy asks of each component in turn whether it is hit, given that none before it
was, and spends one word on each question; the last component is asked nothing.

Source: ``random_multinomial`` and ``random_binomial_inversion`` of NumPy's C code.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from hyperbridge.search.tpe.priors import FloatArray

Tests = list[tuple[float, bool]]
"""For each component but the last: the number that the uniform number of its word is compared
with. It is hit when the uniform is above it or, if the flag is False, not above."""


@functools.lru_cache(maxsize=512)
def tests_of(weights: tuple[float, ...]) -> Tests | None:
    """Return the tests of each component but the last.

    NumPy compares the smaller of the probability and its complement, by an exponential. What is
    returned is remembered, and must not be changed.

    Returns:
        None when a component has no weight; NumPy spends no word on it.

    Examples:
        >>> tests_of((0.5, 0.25, 0.25))
        [(0.5, True), (0.5, True)]
    """
    tests = []
    remaining = 1.0
    for weight in weights[:-1]:
        if not 0.0 < weight <= remaining:
            return None
        probability = weight / remaining
        remaining -= weight
        smaller = probability if probability <= 0.5 else 1.0 - probability
        tests.append((math.exp(math.log1p(-smaller)), probability <= 0.5))
    return tests


def first_hits(uniforms: FloatArray, tests: Tests) -> NDArray[np.uint8]:
    """Return, for every word, the component that is drawn when the draw begins with that word.

    A draw takes one word more than the number of its component, the last one as many as the
    last but one. The result is right only where so many words are left.

    Args:
        uniforms: What each word yields as a uniform number.
        tests: At most 255 of them.

    Examples:
        >>> first_hits(np.array([0.1, 0.9, 0.2, 0.3]), [(0.5, True), (0.5, True)])[:3].tolist()
        [1, 0, 2]
    """
    n, k = len(uniforms), len(tests)
    first = np.full(n, k, dtype=np.uint8)
    for j in range(k - 1, -1, -1):
        bound, above = tests[j]
        own = uniforms[j:]
        np.putmask(first[: max(n - j, 0)], own > bound if above else own <= bound, j)
    return first
