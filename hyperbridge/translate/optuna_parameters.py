"""Turn parameters into calls of an Optuna trial, and Optuna's values into hyperopt's.

`optuna_table` says which call each distribution becomes. Nothing here imports Optuna.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Any, TypeAlias

from hyperbridge.space.continuous import quantise
from hyperbridge.space.distributions import (
    Categorical,
    Distribution,
    LogUniform,
    QLogUniform,
    QUniform,
    RandInt,
)
from hyperbridge.translate.counterparts import EDGE, Arguments, Row, Step, multiples
from hyperbridge.translate.optuna_table import NORMAL_WIDTH, OPTUNA

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
    log: bool = False


@dataclass(frozen=True, slots=True)
class Indices:
    """A call of ``suggest_categorical`` over positions."""

    indices: tuple[int, ...]


Suggestion: TypeAlias = FloatRange | IntRange | Indices
"""What a trial is asked for."""


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A parameter as Optuna has it.

    Attributes:
        suggestion: What the trial is asked for.
        to_raw: Turns Optuna's value into the raw value of hyperopt's documents.
        from_raw: The other way round; clipped into the suggestion's range.
        is_hidden: True when Optuna's value is not the value that the objective gets.
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
    """Return a distribution as Optuna has it.

    Args:
        distribution: The distribution of a parameter.
        is_index: Whether the value is the index of a choice.
        is_int: Whether the space casts the value to an integer.

    Examples:
        >>> counterpart_of(QUniform(0, 10, 2)).suggestion
        FloatRange(low=0.0, high=10.0, step=2.0, log=False)
    """
    row = OPTUNA[row_name(distribution, is_index=is_index, is_int=is_int)]
    suggestion = _suggestion(row, distribution)
    lost = row.lost_of(distribution)
    return Counterpart(
        suggestion,
        lambda value: _to_raw(row, distribution, value),
        lambda raw: _from_raw(row, distribution, suggestion, raw),
        is_hidden=bool(row.after),
        keeps_prior=all(each.prior == "same" for each in lost),
        nearly_keeps_prior=all(each.prior != "other" for each in lost),
        got=lost[0].got if lost else "",
        why=". Also, ".join(each.why for each in lost),
    )


def row_name(distribution: Distribution, *, is_index: bool, is_int: bool) -> str:
    """Return the name of the row of `OPTUNA` for a distribution. Arguments: `counterpart_of`.

    Examples:
        >>> row_name(QUniform(0, 10, 2), is_index=False, is_int=True)
        'quniform as int'
    """
    kind = type(distribution).__name__.lower()
    if isinstance(distribution, RandInt):
        is_exact = max(map(abs, distribution.bounds())) < _LARGEST_INT
        return "choice" if is_index else kind if is_exact else f"{kind} beyond 2**53"
    if isinstance(distribution, QUniform):
        ends, q = _grid_ends(distribution), distribution.q
        if is_int and q.is_integer() and max(map(abs, ends)) < _LARGEST_INT:
            return f"{kind} as int"
        is_exact = all(Decimal(repr(float(end))) == end for end in ends)
        return kind if is_exact else f"{kind} of odd steps"
    if isinstance(distribution, LogUniform | QLogUniform):
        low, high = _exp(distribution.low), _exp(distribution.high)
        are_apart = low < high or distribution.is_single
        if not 0 < low <= high < math.inf or not are_apart:
            return f"{kind} beyond floats"
        is_counted = isinstance(distribution, QLogUniform) and distribution.q == 1
        if is_int and is_counted and low >= 1 and high < _LARGEST_INT:
            return f"{kind} as int"
    return kind


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _grid_ends(distribution: QUniform) -> tuple[Decimal, Decimal]:
    """Return the ends of a stepped range, as the decimals that the step is written in."""
    first, last = multiples(distribution.low, distribution.high, distribution.q)
    step = Decimal(repr(distribution.q))
    return first * step, last * step


def _suggestion(row: Row, distribution: Any) -> Suggestion:
    if row.arguments is Arguments.INDICES:
        if isinstance(distribution, Categorical):
            weights = distribution.probabilities
            return Indices(tuple(index for index, weight in enumerate(weights) if weight > 0))
        return Indices(tuple(range(distribution.low, distribution.high)))
    low, high = _ends(row.arguments, distribution)
    if row.call == "suggest_int":
        step = int(distribution.q) if row.step else 1
        return IntRange(round(low), round(high), step, row.log)
    return FloatRange(float(low), float(high), distribution.q if row.step else None, row.log)


def _ends(arguments: Arguments, distribution: Any) -> tuple[Any, Any]:
    if arguments is Arguments.QUANTILES:
        return EDGE, 1 - EDGE
    if arguments is Arguments.INCLUDED:
        return distribution.bounds()  # type: ignore[no-any-return]
    if arguments is Arguments.DISTANCE:
        return 0, distribution.high - 1 - distribution.low
    if arguments is Arguments.MULTIPLES:
        return _grid_ends(distribution)
    if arguments is Arguments.COUNTS:
        return multiples(distribution.low, distribution.high, distribution.q)
    if arguments is Arguments.EXP:
        return _exp(distribution.low), _exp(distribution.high)
    return distribution.low, distribution.high


def _to_raw(row: Row, distribution: Any, value: Any) -> Any:
    """Return hyperopt's value of Optuna's."""
    if Step.PLUS_LOW in row.after:
        return min(distribution.low + int(value), distribution.high - 1)
    if isinstance(distribution, RandInt | Categorical):
        return int(value)
    number = float(value)
    for step in row.after:
        if step is Step.QUANTILE:
            is_single = distribution.is_single
            number = distribution.mu if is_single else _wide(distribution).inv_cdf(number)
        elif step is Step.EXP:
            number = _exp(number)
        elif step is Step.ROUND:
            number = quantise(number, distribution.q)
        else:
            number *= distribution.q
    return quantise(number, distribution.q) if row.step else number


def _from_raw(row: Row, distribution: Any, suggestion: Suggestion, raw: Any) -> Any:
    """Return Optuna's value of hyperopt's."""
    if isinstance(suggestion, Indices):
        return int(raw)
    if isinstance(distribution, RandInt):
        number: Any = int(raw) - (distribution.low if Step.PLUS_LOW in row.after else 0)
    elif row.step:
        number = round(float(raw) / distribution.q) * Decimal(repr(distribution.q))
    else:
        number = float(raw)
    for step in reversed(row.after):
        if step is Step.QUANTILE:
            number = 0.5 if distribution.is_single else _wide(distribution).cdf(number)
        elif step is Step.EXP:
            number = math.log(number) if number > 0 else -math.inf
        elif step is Step.TIMES_Q:
            number /= distribution.q
    inside = min(max(number, suggestion.low), suggestion.high)
    return round(inside) if isinstance(suggestion, IntRange) else float(inside)


def _wide(distribution: Any) -> NormalDist:
    return NormalDist(distribution.mu, NORMAL_WIDTH * distribution.sigma)
