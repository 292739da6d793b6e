"""The distributions of hyperopt's search spaces, and how to make one by hyperopt's name.

The float ones come from the sibling module; the integer ones are here. Only the standard
library is imported, because the modules are shipped by value to workers that may have neither
hyperopt nor hyperbridge. Source: hyperopt's documentation of parameter expressions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hyperbridge.space.continuous import (
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    Uniform,
    checked_number,
)

__all__ = [
    "ARGUMENT_NAMES",
    "Categorical",
    "Distribution",
    "LogNormal",
    "LogUniform",
    "Normal",
    "QLogNormal",
    "QLogUniform",
    "QNormal",
    "QUniform",
    "RandInt",
    "Uniform",
    "make_distribution",
]


_ROUNDING = 0.005  # the most that rounding to two decimals changes
_NUMPY_TOLERANCE = 1e-12  # by so much all probabilities but the last may exceed 1 in NumPy


def _is_index(value: Any, low: int, high: int) -> bool:
    try:
        return bool(int(value) == value and low <= int(value) < high)
    except (TypeError, ValueError, OverflowError):
        return False


@dataclass(frozen=True, slots=True)
class RandInt:
    """An integer, every value equally likely; also the index of ``hp.choice``.

    Attributes:
        low: Lowest value, included. A fraction is cut off, as NumPy's generator does.
        high: Upper end, **not** included; greater than low.
        offset_form: True for ``hp.randint(label, low, high)``, False for the form with the
            upper end alone. hyperopt's TPE treats the two forms differently.

    Raises:
        ValueError: There is no value between the ends, or an end is not a finite number.

    Examples:
        >>> RandInt(0, 3).bounds()
        (0, 2)
    """

    low: int
    high: int
    offset_form: bool = False

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, int(checked_number(name, getattr(self, name))))
        if not self.low < self.high:
            ends = f"low={self.low}, high={self.high}" if self.offset_form else f"{self.high}"
            raise ValueError(f"there must be at least one value or option, got upper end {ends}")

    def bounds(self) -> tuple[int, int]:
        """Return the lowest and the highest value, both included."""
        return self.low, self.high - 1

    def contains(self, value: Any) -> bool:
        """Tell whether a value lies in the support; an integral float does."""
        return _is_index(value, self.low, self.high)

    def draw(self, rng: Any) -> int:
        """Draw one value from the prior with a ``numpy.random.Generator``."""
        return int(rng.integers(self.low, self.high))


@dataclass(frozen=True, slots=True)
class Categorical:
    """An index whose values have given probabilities, as in ``hp.pchoice``.

    Attributes:
        probabilities: One for each index, summing to 1 but for rounding: each may have been
            rounded to two decimals, as in ``(0.33, 0.33, 0.33)``. In hyperopt, which takes such
            ones too, the last index has what the others leave.

    Raises:
        ValueError: The sequence is empty, a probability is negative or not finite, or they do
            not sum to 1.
    """

    probabilities: Sequence[float]

    def __post_init__(self) -> None:
        given = tuple(checked_number("a probability", p) for p in self.probabilities)
        if not given:
            raise ValueError("there must be at least one probability")
        if min(given) < 0:
            raise ValueError(f"probabilities must not be negative, got {list(given)}")
        total = math.fsum(given)
        rounding = _ROUNDING * len(given) + 1e-9
        if not given[-1]:
            rounding = 1.001e-5  # hyperopt would draw an index that has no probability
        if abs(total - 1) > rounding or math.fsum(given[:-1]) > 1 + _NUMPY_TOLERANCE:
            raise ValueError(f"probabilities must sum to 1, got {list(given)}, sum {total:g}")
        object.__setattr__(self, "probabilities", given)

    def bounds(self) -> tuple[int, int]:
        """Return the lowest and the highest index, both included."""
        return 0, len(self.probabilities) - 1

    def contains(self, value: Any) -> bool:
        """Tell whether a value is one of the indices; an integral float is."""
        return _is_index(value, 0, len(self.probabilities))

    def draw(self, rng: Any) -> int:
        """Draw one index from the prior with a ``numpy.random.Generator``."""
        given = self.probabilities
        if not given[-1]:  # must not get what rounding has left
            total = math.fsum(given)
            given = [p / total for p in given]
        return int(rng.multinomial(1, given).argmax())


Distribution: TypeAlias = (
    Uniform
    | LogUniform
    | QUniform
    | QLogUniform
    | Normal
    | QNormal
    | LogNormal
    | QLogNormal
    | RandInt
    | Categorical
)
"""Any of the distributions."""


def _randint(low: Any, high: Any = None) -> RandInt:
    return RandInt(0, low) if high is None else RandInt(low, high, offset_form=True)


def _categorical(p: Any) -> Categorical:
    return Categorical(p)


_MAKERS: dict[str, Callable[..., Distribution]] = {
    "uniform": Uniform,
    "loguniform": LogUniform,
    "quniform": QUniform,
    "qloguniform": QLogUniform,
    "normal": Normal,
    "qnormal": QNormal,
    "lognormal": LogNormal,
    "qlognormal": QLogNormal,
    "randint": _randint,
    "categorical": _categorical,
}

ARGUMENT_NAMES: dict[str, tuple[str, ...]] = {
    "uniform": ("low", "high"),
    "loguniform": ("low", "high"),
    "quniform": ("low", "high", "q"),
    "qloguniform": ("low", "high", "q"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "lognormal": ("mu", "sigma"),
    "qlognormal": ("mu", "sigma", "q"),
    "randint": ("low", "high"),
    "categorical": ("p",),
}
"""hyperopt's names of the arguments of each kind of distribution, in its order."""


def make_distribution(kind: str, arguments: Mapping[str, Any]) -> Distribution:
    """Make a distribution from hyperopt's name for it and hyperopt's arguments.

    Args:
        kind: hyperopt's name, a key of `ARGUMENT_NAMES`.
        arguments: Value by argument name; the upper end of ``randint`` may be missing or
            None, then ``low`` is the upper end.

    Raises:
        ValueError: The values cannot work.
        TypeError: An argument is missing.

    Examples:
        >>> make_distribution("randint", {"low": 3})
        RandInt(low=0, high=3, offset_form=False)
    """
    return _MAKERS[kind](**arguments)
