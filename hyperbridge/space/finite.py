"""List the points of a space that has few of them.

The module imports only the standard library and its siblings, because it is shipped by value
to workers that may not have hyperbridge.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from hyperbridge.space.distributions import Categorical, Distribution, RandInt
from hyperbridge.space.model import Space
from hyperbridge.space.nodes import (
    Choice,
    ComputedDistribution,
    Node,
    Parameter,
    SequenceNode,
    iterate,
)


def outline_of(space: Space) -> Space | None:
    """Return the parameters and choices of a space alone: a walk of them calls no function.

    Returns:
        None where what is reached, or from which distribution, depends on a function's value.
    """
    made: dict[int, Node] = {}
    for node in iterate(space.root):
        if isinstance(node, Parameter):
            if isinstance(node.distribution, ComputedDistribution):
                return None
            made[id(node)] = node
        elif isinstance(node, Choice):
            if node.parameter is None:
                return None
            options = tuple(made[id(option)] for option in node.options)
            made[id(node)] = Choice(node.index, options)
        else:
            parts = tuple(made[id(child)] for child in node.children())
            made[id(node)] = SequenceNode(parts, "tuple")
    return Space(made[id(space.root)])


def points_of(outline: Space, limit: int) -> list[dict[str, Any]] | None:
    """Return every assignment of a space, each once, reached labels only.

    Args:
        outline: From `outline_of`.
        limit: How many there may be at most.

    Returns:
        None when there are more, or infinitely many.

    Examples:
        >>> from hyperopt import hp
        >>> from hyperbridge.translate.from_hyperopt import read_space
        >>> space = read_space(hp.choice("k", ["a", hp.quniform("q", 0, 2, 1)]))
        >>> points_of(outline_of(space), 10)
        [{'k': 0}, {'k': 1, 'q': 0.0}, {'k': 1, 'q': 1.0}, {'k': 1, 'q': 2.0}]
    """
    values: dict[str, Sequence[Any]] = {}
    for label, parameter in outline.parameters.items():
        distribution: Any = parameter.distribution  # an outline has no computed ones
        listed = values_of(distribution, limit)
        if listed is None:
            return None
        values[label] = listed
    found = list(islice(_walks(outline, values), limit + 1))
    return found if len(found) <= limit else None


def _walks(outline: Space, values: dict[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Walk through the space in every possible way, the last decision changing fastest."""
    decisions: list[tuple[str, int]] = []
    while True:
        n_made = 0

        def decide(parameter: Parameter) -> Any:
            nonlocal n_made
            if n_made == len(decisions):
                decisions.append((parameter.label, 0))
            label, index = decisions[n_made]
            n_made += 1
            return values[label][index]

        yield outline.walk(decide)[1]
        while decisions and decisions[-1][1] + 1 == len(values[decisions[-1][0]]):
            decisions.pop()
        if not decisions:
            return
        label, index = decisions[-1]
        decisions[-1] = label, index + 1


def values_of(distribution: Distribution, limit: int) -> Sequence[Any] | None:
    """Return every value that a distribution can draw; None for more than ``limit``.

    An end that lies half-way between two multiples of ``q`` is drawn by no random number, so
    what it would be rounded to is not among them.

    Examples:
        >>> from hyperbridge.space.distributions import QUniform
        >>> values_of(QUniform(0.5, 3, 1), 10)
        [1.0, 2.0, 3.0]
    """
    if isinstance(distribution, RandInt):
        n = distribution.high - distribution.low
        return range(distribution.low, distribution.high) if n <= limit else None
    if isinstance(distribution, Categorical):
        drawn = [index for index, p in enumerate(distribution.probabilities) if p > 0]
        return drawn if len(drawn) <= limit else None
    low, high = distribution.bounds()
    if distribution.is_single:
        return [low]
    q: float | None = getattr(distribution, "q", None)
    if q is None or not (math.isfinite(low) and math.isfinite(high)):
        return None
    first, last = _inner_steps(distribution, q)
    return [step * q for step in range(first, last + 1)] if last - first < limit else None


def _inner_steps(distribution: Any, q: float) -> tuple[int, int]:
    """Return the first and the last multiple of ``q`` that lies within the ends, or is nearest."""
    low, high = distribution.low, distribution.high
    if distribution.log:
        low, high = math.exp(low), math.exp(high)
    first, last = round(low / q), round(high / q)
    if low / q - first == 0.5:
        first += 1
    if last - high / q == 0.5:
        last -= 1
    return first, max(first, last)
