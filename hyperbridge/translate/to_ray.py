"""Write a search space as a Ray Tune one: a flat dict of Tune's domains by label.

Flat, because Tune's own conversions of nested choices for its searchers are wrong; a choice is
the index of its option, and labels that a point does not reach are drawn all the same and
ignored. Source: Ray Tune's search space reference. Ray is imported where a domain is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hyperbridge.errors import InvalidSpaceError
from hyperbridge.space import Space
from hyperbridge.space.continuous import quantise
from hyperbridge.space.distributions import (
    Categorical,
    Distribution,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    RandInt,
    Uniform,
)
from hyperbridge.space.losses import RULES, Loss
from hyperbridge.space.nodes import ComputedDistribution, Parameter, text_of


@dataclass(frozen=True, slots=True)
class TuneDomain:
    """One parameter as Tune gets it.

    Attributes:
        make: Returns the Tune domain; imports Ray.
        got: What Tune gets, as text, when something is lost; else empty.
        why: The reason.
    """

    make: Callable[[], Any]
    got: str = ""
    why: str = ""


class RaySpace(dict[str, Any]):
    """A ``param_space`` for a Tuner, and what it cannot say.

    Attributes:
        losses: What Tune gets in another form than the space says, label by label.
    """

    losses: list[Loss]


def to_ray_space(space: Space) -> RaySpace:
    """Return the Tune search space of a space.

    Raises:
        InvalidSpaceError: A parameter cannot be a Tune domain; the message has the label.
    """
    from ray import tune  # noqa: F401 - a missing Ray is found before any label

    written = RaySpace(
        {label: _domain(parameter, space).make() for label, parameter in space.parameters.items()}
    )
    written.losses = ray_losses(space)
    return written


def ray_losses(space: Space) -> list[Loss]:
    """Return what Tune gets in another form than the user asked for, label by label."""
    found = []
    for label, parameter in space.parameters.items():
        domain = _domain(parameter, space)
        if domain.got:
            found.append(Loss(label, text_of(parameter), domain.got, domain.why))
    return found


RULES["ray"] = ray_losses


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


def _domain(parameter: Parameter, space: Space) -> TuneDomain:
    distribution = parameter.distribution
    if isinstance(distribution, ComputedDistribution):
        raise InvalidSpaceError(
            f"label {parameter.label!r}: the arguments of the distribution depend on other "
            "parameters, which a Ray Tune search space cannot say. Use HyperoptSearcher."
        )
    try:
        return _domain_of(distribution, is_index=parameter.label in space.choices)
    except OverflowError as exc:
        raise InvalidSpaceError(
            f"label {parameter.label!r}: the bounds are too large for a float: {exc}"
        ) from exc


def _tune(name: str, *args: Any) -> Callable[[], Any]:
    def make() -> Any:
        from ray import tune

        return getattr(tune, name)(*args)

    return make


def _domain_of(distribution: Distribution, *, is_index: bool) -> TuneDomain:
    if isinstance(distribution, Uniform):
        return TuneDomain(_tune("uniform", distribution.low, distribution.high))
    if isinstance(distribution, LogUniform):
        return TuneDomain(
            _tune("loguniform", math.exp(distribution.low), math.exp(distribution.high))
        )
    if isinstance(distribution, QUniform | QLogUniform):
        return _quantised(distribution)
    if isinstance(distribution, Normal):
        return TuneDomain(_tune("randn", distribution.mu, distribution.sigma))
    if isinstance(distribution, QNormal):
        return TuneDomain(_tune("qrandn", distribution.mu, distribution.sigma, distribution.q))
    if isinstance(distribution, LogNormal | QLogNormal):
        return TuneDomain(
            _tune("sample_from", _Draw(distribution)),
            "a function that draws",
            "Tune has no lognormal; its random search calls the function, unseeded, and its "
            "other searchers refuse it",
        )
    if isinstance(distribution, RandInt):
        if is_index:
            return TuneDomain(_tune("choice", list(range(distribution.low, distribution.high))))
        return TuneDomain(_tune("randint", distribution.low, distribution.high))
    return _weighted(distribution)


class _Draw:
    """Draws from a distribution that Tune does not have."""

    def __init__(self, distribution: Any) -> None:
        self._distribution = distribution

    def __call__(self, config: Any) -> float:  # noqa: ARG002 - Tune passes it
        import numpy as np

        return float(self._distribution.draw(np.random.default_rng()))


def _quantised(distribution: QUniform | QLogUniform) -> TuneDomain:
    q = distribution.q
    low, high = distribution.bounds()
    name = "qloguniform" if isinstance(distribution, QLogUniform) else "quniform"
    why = "Tune's ends must be multiples of q, so the outer values have other probabilities"
    is_exact = _same(low, distribution.low) and _same(high, distribution.high)
    if isinstance(distribution, QLogUniform):
        is_exact = _same(low, math.exp(distribution.low)) and _same(
            high, math.exp(distribution.high)
        )
        if low <= 0 < high:
            low, why = q, why + "; 0 is never drawn, because a logarithm has none"
    if low >= high:
        return TuneDomain(_tune("choice", [high]))
    got = "" if is_exact else f"{name}({low:g}, {high:g}, {q:g})"
    return TuneDomain(_tune(name, low, high, q), got, "" if is_exact else why)


def _same(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12)


def _weighted(distribution: Categorical) -> TuneDomain:
    weights = distribution.probabilities
    indices = [index for index, weight in enumerate(weights) if weight > 0]
    make = _tune("choice", indices)
    if len({weights[index] for index in indices}) == 1:
        return TuneDomain(make)
    return TuneDomain(make, f"choice({indices})", "Tune's choices have no weights")
