"""Write a search space for Ray Tune: a flat dict of Tune's domains by label.

It is flat because Tune converts nested choices wrongly for its searchers. A choice is the index of
its option. Labels that a point does not reach are drawn too, and ignored. `tune_table` says which
call each distribution becomes. Ray is imported where a domain is made.
"""

from __future__ import annotations

import math
from typing import Any

from hyperbridge.errors import InvalidSpaceError
from hyperbridge.space import Space
from hyperbridge.space.approximations import Approximation
from hyperbridge.space.continuous import quantise
from hyperbridge.space.distributions import Categorical, Distribution, RandInt
from hyperbridge.space.nodes import ComputedDistribution, Parameter, text_of
from hyperbridge.translate.counterparts import Arguments, Row, multiples
from hyperbridge.translate.tune_table import TUNE


class RaySpace(dict[str, Any]):
    """A ``param_space`` for a Tuner, and what it cannot say.

    Attributes:
        approximations: What Tune gets in another form than the space says, label by label.
    """

    approximations: list[Approximation]


def to_ray_space(space: Space) -> RaySpace:
    """Return the Tune search space of a space.

    Raises:
        InvalidSpaceError: A parameter cannot be a Tune domain; the message has the label.
    """
    from ray import tune

    written = RaySpace()
    for label, parameter in space.parameters.items():
        problem = _problem(parameter)
        if problem:
            raise InvalidSpaceError(f"label {label!r}: {problem}")
        call, arguments = _call(parameter.distribution, _row(parameter, space))
        written[label] = getattr(tune, call)(*arguments)
    written.approximations = ray_approximations(space)
    return written


def ray_approximations(space: Space) -> list[Approximation]:
    """Return what Tune gets in another form than the user asked for, label by label."""
    found = []
    for label, parameter in space.parameters.items():
        got, why = "nothing", _problem(parameter)
        if not why:
            row = _row(parameter, space)
            lost = row.lost_of(parameter.distribution)
            call, arguments = _call(parameter.distribution, row)
            shown = ", ".join(f"{a:g}" if isinstance(a, float) else str(a) for a in arguments)
            got = (lost and lost[0].got) or f"{call}({shown})"
            why = "; ".join(each.why for each in lost)
        if why:
            found.append(Approximation(label, text_of(parameter), got, why))
    return found


def raw_value(parameter: Parameter, value: Any) -> Any:
    """Turn a searcher's value for a parameter into hyperopt's raw value.

    Searchers that know only floats give floats for integers and indices too, and values
    between the steps of quantised ones.
    """
    distribution = parameter.distribution
    if isinstance(distribution, RandInt | Categorical):
        low, high = distribution.bounds()
        return min(max(round(float(value)), low), high)
    q = getattr(distribution, "q", None)
    number = float(value)
    return number if q is None else quantise(number, q)


def _row(parameter: Parameter, space: Space) -> Row:
    is_index = parameter.label in space.choices and isinstance(parameter.distribution, RandInt)
    return TUNE["choice" if is_index else type(parameter.distribution).__name__.lower()]


def _problem(parameter: Parameter) -> str:
    """Return why a parameter cannot be a Tune domain; empty when it can."""
    distribution = parameter.distribution
    if isinstance(distribution, ComputedDistribution):
        return (
            "the arguments of the distribution depend on other parameters, which a Ray Tune search "
            "space cannot say. Use HyperoptSearcher."
        )
    if type(distribution).__name__ in ("LogUniform", "QLogUniform"):
        try:
            math.exp(distribution.high)  # type: ignore[union-attr]  # both have it
        except OverflowError as exc:
            return f"the bounds are too large for a float: {exc}"
    return ""


def _call(distribution: Any, row: Row) -> tuple[str, tuple[Any, ...]]:
    """Return the name of a function of ``ray.tune`` and its arguments."""
    if row.arguments is Arguments.DRAW:
        return row.call, (_Draw(distribution),)
    if row.arguments is Arguments.INDICES:
        weights = getattr(distribution, "probabilities", None)
        if weights is None:
            return row.call, (list(range(distribution.low, distribution.high)),)
        return row.call, ([index for index, weight in enumerate(weights) if weight > 0],)
    low, high = _ends(distribution, row.arguments)
    if not row.step:
        return row.call, (low, high)
    if row.arguments is not Arguments.MOMENTS and low >= high:
        return "choice", ([high],)
    return row.call, (low, high, distribution.q)


def _ends(distribution: Any, arguments: Arguments) -> tuple[Any, Any]:
    if arguments is Arguments.MOMENTS:
        return distribution.mu, distribution.sigma
    if arguments is Arguments.EXP:
        return math.exp(distribution.low), math.exp(distribution.high)
    if arguments is Arguments.MULTIPLES:
        first, last = multiples(distribution.low, distribution.high, distribution.q)
        return first * distribution.q, last * distribution.q
    if arguments is Arguments.EXP_MULTIPLES:
        low, high = distribution.bounds()
        return (distribution.q if low <= 0 < high else low), high
    return distribution.low, distribution.high


class _Draw:
    """Draws from a distribution that Tune does not have."""

    def __init__(self, distribution: Distribution) -> None:
        self._distribution = distribution

    def __call__(self, config: Any) -> float:  # noqa: ARG002 - Tune passes it
        import numpy as np

        return float(self._distribution.draw(np.random.default_rng()))
