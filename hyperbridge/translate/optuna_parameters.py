"""Decide how Optuna sees each parameter of a search space, and what that loses.

Optuna has uniform floats and integers, both with a step or a logarithm, and categories. What
hyperopt has beyond that is suggested as a hidden variable and computed from it. Nothing here
imports Optuna. Source: Optuna's reference of ``Trial.suggest_float``, ``suggest_int`` and
``suggest_categorical``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Any, TypeAlias

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
from hyperbridge.space.nodes import (
    ComputedDistribution,
    Parameter,
    cast_of,
    iterate,
    text_of,
    without_casts,
)
from hyperbridge.space.queries import Condition

NORMAL_WIDTH = 2.0
"""Standard deviations of the quantile function behind a normal, per standard deviation asked.

With 1 a Parzen estimator cannot resolve the tails: at 3 sigma a thousandth of the unit interval
is left. 1.5 is better near the middle, but worse than hyperopt at 3 sigma in four dimensions.
benchmarks/quality.py compares."""

_EDGE = 1e-9
_LARGEST_INT = 2**53  # Optuna keeps parameters as floats


@dataclass(frozen=True, slots=True)
class FloatRange:
    """A call of ``suggest_float``; both ends are included."""

    low: float
    high: float
    step: float | None = None
    log: bool = False


@dataclass(frozen=True, slots=True)
class IntRange:
    """A call of ``suggest_int``; both ends are included."""

    low: int
    high: int
    step: int = 1


@dataclass(frozen=True, slots=True)
class Indices:
    """A call of ``suggest_categorical`` over positions."""

    indices: tuple[int, ...]


Suggestion: TypeAlias = FloatRange | IntRange | Indices
"""What Optuna is asked for."""


@dataclass(frozen=True, slots=True)
class Counterpart:
    """How Optuna sees one parameter.

    Attributes:
        suggestion: What Optuna is asked for.
        to_raw: Turns Optuna's value into the raw value of hyperopt's documents.
        from_raw: The other way round; clipped into the suggestion's range.
        is_hidden: True when Optuna's value is not what the user knows as the parameter's value.
        keeps_prior: False when Optuna's own random draws are distributed differently.
        nearly_keeps_prior: False when they differ by more than the weights of two end values.
        got: What Optuna gets, as text, when something is lost; else empty.
        why: The reason of the loss.
    """

    suggestion: Suggestion
    to_raw: Callable[[Any], Any]
    from_raw: Callable[[Any], Any]
    is_hidden: bool = False
    keeps_prior: bool = True
    nearly_keeps_prior: bool = True
    got: str = ""
    why: str = ""


def counterpart_of(
    distribution: Distribution, *, is_index: bool = False, is_int: bool = False
) -> Counterpart:
    """Return how Optuna sees a distribution.

    Args:
        distribution: The distribution of a parameter.
        is_index: Whether the value is the index of a choice.
        is_int: Whether the space casts the value to an integer.

    Examples:
        >>> counterpart_of(QUniform(0, 10, 2)).suggestion
        FloatRange(low=0.0, high=10.0, step=2.0, log=False)
    """
    if isinstance(distribution, Uniform):
        return _clipped(FloatRange(distribution.low, distribution.high))
    if isinstance(distribution, LogUniform):
        return _log_uniform(distribution)
    if isinstance(distribution, QUniform):
        return _quantised_uniform(distribution, is_int=is_int)
    if isinstance(distribution, QLogUniform):
        return _quantised_log_uniform(distribution)
    if isinstance(distribution, Normal | QNormal | LogNormal | QLogNormal):
        return _normal(distribution)
    if isinstance(distribution, RandInt):
        return _randint(distribution, is_index=is_index)
    return _weighted(distribution)


class Counterparts:
    """The counterparts of a whole space; made once, asked at each step of a walk.

    Args:
        space: The search space.
    """

    def __init__(self, space: Space) -> None:
        self._choices = frozenset(space.choices)
        self._ints = _int_labels(space)
        self._static = {
            label: self._make(label, parameter.distribution)
            for label, parameter in space.parameters.items()
            if not isinstance(parameter.distribution, ComputedDistribution)
        }
        all_are_known = len(self._static) == len(space.parameters)
        always = frozenset([frozenset[Condition]()])
        self.always_reached = (
            self._static
            if all_are_known and all(ways == always for ways in space.conditions.values())
            else None
        )
        """The counterparts by label of a space without conditions, in the order of a walk."""
        known = self._static.values()
        self.keep_prior = all_are_known and all(each.keeps_prior for each in known)
        """Whether Optuna's own random draws are distributed as hyperopt's."""
        self.nearly_keep_prior = all_are_known and all(each.nearly_keeps_prior for each in known)
        """Whether they are, but for the two end values of rounded parameters."""
        self.losses = [
            Loss(label, text_of(space.parameters[label]), counterpart.got, counterpart.why)
            for label, counterpart in self._static.items()
            if counterpart.got
        ]

    def __getitem__(self, parameter: Parameter) -> Counterpart:
        """Return the counterpart of a parameter as a walk passes it."""
        known = self._static.get(parameter.label)
        return self._make(parameter.label, parameter.distribution) if known is None else known

    def _make(self, label: str, distribution: Any) -> Counterpart:
        return counterpart_of(
            distribution, is_index=label in self._choices, is_int=label in self._ints
        )


def optuna_losses(space: Space) -> list[Loss]:
    """Return what Optuna gets in another form than the user asked for, label by label."""
    return Counterparts(space).losses


RULES["optuna"] = optuna_losses


def _int_labels(space: Space) -> frozenset[str]:
    """Return the labels that the space casts to ``int``, such as those of ``hp.uniformint``."""
    found = set()
    for node in iterate(space.root):
        cast = cast_of(node)
        parameter = without_casts(node)
        if cast is not None and cast[0] == "int" and parameter is not None:
            found.add(parameter.label)
    return frozenset(found)


def _clip(value: Any, suggestion: FloatRange | IntRange) -> Any:
    return min(max(value, suggestion.low), suggestion.high)


def _clipped(suggestion: FloatRange) -> Counterpart:
    return Counterpart(suggestion, float, lambda raw: _clip(float(raw), suggestion))


def _log_uniform(distribution: LogUniform) -> Counterpart:
    low, high = distribution.bounds()
    if 0 < low < high < math.inf:
        return _clipped(FloatRange(low, high, log=True))
    hidden = FloatRange(distribution.low, distribution.high)
    return Counterpart(
        hidden,
        distribution._from_latent,
        lambda raw: _clip(math.log(raw) if raw > 0 else hidden.low, hidden),
        is_hidden=True,
        got="a range of its natural logarithm",
        why="an end is too small or too large for a float; the study shows the logarithm, and "
        "the value as a user attribute of the trial",
    )


_ENDS = "hyperopt's rounding makes the two end values rarer; Optuna has them as often as the others"


def _quantised_uniform(distribution: QUniform, *, is_int: bool) -> Counterpart:
    q = distribution.q
    first, last = round(distribution.low / q), round(distribution.high / q)
    ends_are_rarer = distribution.low > (first - 0.5) * q or distribution.high < (last + 0.5) * q
    why = _ENDS if ends_are_rarer else ""
    ends = float(first * Decimal(repr(q))), float(last * Decimal(repr(q)))
    if is_int and q.is_integer() and max(map(abs, ends)) < _LARGEST_INT:
        ints = IntRange(int(ends[0]), int(ends[1]), step=int(q))
        return Counterpart(
            ints,
            float,
            lambda raw: _clip(int(q) * round(float(raw) / q), ints),
            keeps_prior=not ends_are_rarer,
            got="an integer range with a step" if ends_are_rarer else "",
            why=why,
        )
    if all(Decimal(repr(e)) == k * Decimal(repr(q)) for e, k in zip(ends, (first, last))):  # noqa: B905 - pairs
        floats = FloatRange(ends[0], ends[1], step=q)
        return Counterpart(
            floats,
            lambda value: quantise(value, q),
            lambda raw: _clip(float(round(float(raw) / q) * Decimal(repr(q))), floats),
            keeps_prior=not ends_are_rarer,
            got="a float range with a step" if ends_are_rarer else "",
            why=why,
        )
    steps = IntRange(first, last)
    return Counterpart(
        steps,
        lambda value: float(value) * q,
        lambda raw: _clip(round(float(raw) / q), steps),
        is_hidden=True,
        keeps_prior=not ends_are_rarer,
        got="an integer, the number of steps",
        why="Optuna's steps must be short decimals; the value is a user attribute of the trial"
        + (f". Also, {why}" if why else ""),
    )


def _quantised_log_uniform(distribution: QLogUniform) -> Counterpart:
    plain = _log_uniform(LogUniform(distribution.low, distribution.high))
    q = distribution.q
    return Counterpart(
        plain.suggestion,
        lambda value: quantise(plain.to_raw(value), q),
        plain.from_raw,
        is_hidden=True,
        got="a logarithmic range",
        why="Optuna has none with a step; the study shows the value before rounding, and the "
        "rounded one as a user attribute of the trial",
    )


def _normal(distribution: Normal | QNormal | LogNormal | QLogNormal) -> Counterpart:
    wide = NormalDist(distribution.mu, NORMAL_WIDTH * distribution.sigma)
    unit = FloatRange(_EDGE, 1 - _EDGE)

    def from_raw(raw: Any) -> float:
        value = float(raw)
        if distribution.log:
            value = math.log(value) if value > 0 else -math.inf
        return float(_clip(wide.cdf(value), unit))

    return Counterpart(
        unit,
        lambda u: distribution._from_latent(wide.inv_cdf(u)),
        from_raw,
        is_hidden=True,
        keeps_prior=False,
        nearly_keeps_prior=False,
        got="a range from 0 to 1, the quantile",
        why="Optuna has no normal distributions; the study shows the quantile in a normal "
        f"{NORMAL_WIDTH:g} times as wide, and the value as a user attribute of the trial. "
        "Start-up trials of tpe.suggest are drawn from the distribution asked for",
    )


def _randint(distribution: RandInt, *, is_index: bool) -> Counterpart:
    low, high = distribution.bounds()
    if is_index:
        return Counterpart(Indices(tuple(range(low, high + 1))), int, int)
    if max(abs(low), abs(high)) < _LARGEST_INT:
        ints = IntRange(low, high)
        return Counterpart(ints, int, lambda raw: _clip(int(raw), ints))
    offsets = FloatRange(0.0, float(high - low))
    return Counterpart(
        offsets,
        lambda value: min(low + int(value), high),
        lambda raw: _clip(float(int(raw) - low), offsets),
        is_hidden=True,
        got="a range of the distance from the lowest value",
        why="Optuna keeps integers as floats, which are not exact beyond 2**53; the study shows "
        "the distance, and the value as a user attribute of the trial",
    )


_WEIGHTS = (
    "Optuna has no weights; hyperopt's tpe.suggest and rand.suggest keep them here, Optuna's own "
    "samplers do not"
)


def _weighted(distribution: Categorical) -> Counterpart:
    weights = distribution.probabilities
    indices = tuple(index for index, weight in enumerate(weights) if weight > 0)
    is_even = len({weights[index] for index in indices}) == 1
    return Counterpart(
        Indices(indices),
        int,
        int,
        keeps_prior=is_even,
        nearly_keeps_prior=is_even,
        got="" if is_even else "categories without weights",
        why="" if is_even else _WEIGHTS,
    )
