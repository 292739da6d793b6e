"""Say in data what an engine has in place of a distribution of hyperopt's.

`optuna_table.OPTUNA` and `tune_table.TUNE` have a `Row` for each distribution. Both ways of
leaving hyperopt read them: the translation that runs, and the code that `hyperbridge migrate`
writes. Nothing here imports an engine.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from hyperbridge.space.distributions import Categorical


class Arguments(enum.Enum):
    """What the engine's call gets in place of hyperopt's arguments."""

    GIVEN = enum.auto()
    """``low`` and ``high`` as they are."""
    EXP = enum.auto()
    """``exp(low)`` and ``exp(high)``; whole numbers where the call takes integers."""
    EXP_EXCLUDED = enum.auto()
    """``exp(low)`` and the whole number after ``exp(high)``, which the engine leaves out."""
    MULTIPLES = enum.auto()
    """The lowest and the highest multiple of ``q`` that hyperopt draws."""
    EXP_MULTIPLES = enum.auto()
    """The same of a logarithmic range."""
    COUNTS = enum.auto()
    """Those multiples divided by ``q``."""
    INCLUDED = enum.auto()
    """``low`` and ``high - 1``: the engine includes its upper end, hyperopt does not."""
    DISTANCE = enum.auto()
    """0 and ``high - 1 - low``."""
    QUANTILES = enum.auto()
    """``EDGE`` and ``1 - EDGE``."""
    MOMENTS = enum.auto()
    """``mu`` and ``sigma``."""
    INDICES = enum.auto()
    """The positions of the options that hyperopt ever draws."""
    DRAW = enum.auto()
    """A function that draws."""


class Step(enum.Enum):
    """One step from the engine's value to hyperopt's."""

    QUANTILE = enum.auto()
    """The value at that quantile of a normal, `optuna_table.NORMAL_WIDTH` times as wide."""
    EXP = enum.auto()
    """``exp(value)``."""
    ROUND = enum.auto()
    """The nearest multiple of ``q``."""
    TIMES_Q = enum.auto()
    """``value * q``."""
    PLUS_LOW = enum.auto()
    """``value + low``, as an integer."""


EDGE = 1e-9
"""The lowest quantile of a normal."""


def always(distribution: Any) -> bool:  # noqa: ARG001 - of the form of the others
    """Tell that something is lost whatever the values are."""
    return True


def has_several_values(distribution: Any) -> bool:
    """Tell whether the ends of a range are different values."""
    low, high = distribution.bounds()
    return bool(low < high)


def has_rarer_ends(distribution: Any) -> bool:
    """Tell whether rounding leaves the end values of a ``quniform`` less than a whole step."""
    low, high, q = distribution.low, distribution.high, distribution.q
    first, last = multiples(low, high, q)
    return first < last and bool(low > (first - 0.5) * q or high < (last + 0.5) * q)


def has_weights(distribution: Categorical) -> bool:
    """Tell whether options that can be drawn have different probabilities."""
    return len({weight for weight in distribution.probabilities if weight > 0}) > 1


@dataclass(frozen=True, slots=True)
class Lost:
    """What an engine cannot say of a distribution.

    Attributes:
        got: What the engine gets instead; empty for the call as it is.
        why: The reason, and what it means for the search.
        when: Tells whether it is lost of a distribution with these values.
        prior: How the engine's own random draws differ: not at all, in the weights of the two end
            values, or more.
    """

    got: str
    why: str
    when: Callable[[Any], bool] = always
    prior: Literal["same", "near", "other"] = "same"


@dataclass(frozen=True, slots=True)
class Row:
    """What an engine has in place of a distribution.

    Attributes:
        call: The engine's function.
        arguments: What it gets.
        log: Whether it gets ``log=True``.
        step: Whether it gets ``q`` as its step.
        after: What makes hyperopt's value of the engine's, first step first. Where there is one,
            the engine shows another value than the one that the objective gets.
        lost: What is lost.
    """

    call: str
    arguments: Arguments = Arguments.GIVEN
    log: bool = False
    step: bool = False
    after: tuple[Step, ...] = ()
    lost: tuple[Lost, ...] = ()

    def lost_of(self, distribution: Any) -> list[Lost]:
        """Return what is lost of a distribution with values."""
        return [each for each in self.lost if each.when(distribution)]


def multiples(low: float, high: float, q: float) -> tuple[int, int]:
    """Return the first and the last multiple of a step that hyperopt draws, divided by it.

    A value exactly half-way between two multiples has no probability, so the ends look inwards.

    Examples:
        >>> multiples(0.5, 9.0, 1.0), multiples(1.0, 10.0, 4.0)
        ((1, 9), (0, 2))
    """
    first = math.floor(low / q + 0.5)
    return first, max(first, math.ceil(high / q - 0.5))
