"""The distributions of floats, validated once at birth.

Source: hyperopt's documentation of parameter expressions and, for the rounding,
``hyperopt.pyll.stochastic``. The module imports only the standard library, because it is
shipped by value to workers that may have neither hyperopt nor hyperbridge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar

_TOLERANCE = 1e-9


def quantise(value: float, q: float) -> float:
    """Round to the nearest multiple of ``q``, halves to even, as hyperopt does.

    Examples:
        >>> quantise(9.7, 4.0)
        8.0
        >>> quantise(2.0, 4.0)
        0.0
    """
    return round(value / q, 0) * q


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def checked_number(name: str, given: Any) -> float:
    """Return a finite float, from a numpy scalar too.

    Raises:
        ValueError: It is not a number, or not finite; the message has the name.
    """
    try:
        if isinstance(given, (str, bytes)):
            raise TypeError
        number = float(given)
    except (TypeError, ValueError) as exc:
        raise ValueError(f"{name} must be a number, got {given!r}") from exc
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {number!r}")
    return number


class _Continuous:
    """What the float distributions share; subclasses are frozen dataclasses of numbers."""

    __slots__ = ()
    log: ClassVar[bool] = False

    def __post_init__(self) -> None:
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]  # subclasses are
        values = {name: checked_number(name, getattr(self, name)) for name in names}
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if "low" in values and not values["low"] <= values["high"]:
            low, high = values["low"], values["high"]
            raise ValueError(f"low must not be above high, got low={low:g}, high={high:g}")
        if "q" in values and not values["q"] > 0:
            raise ValueError(f"q must be greater than 0, got q={values['q']:g}")
        if "sigma" in values and not values["sigma"] >= 0:
            raise ValueError(f"sigma must not be negative, got sigma={values['sigma']:g}")

    def _from_latent(self, value: float) -> float:
        """Turn a value of the underlying uniform or normal variable into one of this one."""
        value = _exp(value) if self.log else value
        q: float | None = getattr(self, "q", None)
        return value if q is None else quantise(value, q)

    def _latent_bounds(self) -> tuple[float, float]:
        raise NotImplementedError

    def bounds(self) -> tuple[float, float]:
        """Return the lowest and the highest value, both included, after any rounding."""
        low, high = self._latent_bounds()
        return (
            self._from_latent(low) if math.isfinite(low) else (0.0 if self.log else low),
            self._from_latent(high) if math.isfinite(high) else high,
        )

    @property
    def is_single(self) -> bool:
        """Whether there is one value: the ends are the same, or the standard deviation is 0."""
        low, high = self._latent_bounds()
        return low == high

    def contains(self, value: Any) -> bool:
        """Tell whether a value lies in the support, rounding errors forgiven."""
        try:
            number = checked_number("value", value)
        except ValueError:
            return False
        low, high = self.bounds()
        slack = _TOLERANCE * abs(number)
        if not low - slack <= number <= high + slack:
            return False
        q: float | None = getattr(self, "q", None)
        return q is None or abs(number - quantise(number, q)) <= _TOLERANCE * max(abs(number), q)


@dataclass(frozen=True, slots=True)
class _Bounded(_Continuous):
    low: float
    high: float

    def _latent_bounds(self) -> tuple[float, float]:
        return self.low, self.high

    def draw(self, rng: Any) -> float:
        """Draw one value from the prior with a ``numpy.random.Generator``."""
        return self._from_latent(float(rng.uniform(self.low, self.high)))


@dataclass(frozen=True, slots=True)
class _Gaussian(_Continuous):
    mu: float
    sigma: float

    def _latent_bounds(self) -> tuple[float, float]:
        return (-math.inf, math.inf) if self.sigma > 0 else (self.mu, self.mu)

    def draw(self, rng: Any) -> float:
        """Draw one value from the prior with a ``numpy.random.Generator``."""
        return self._from_latent(float(rng.normal(self.mu, self.sigma)))


@dataclass(frozen=True, slots=True)
class Uniform(_Bounded):
    """A float, uniform between two ends.

    Attributes:
        low: Lowest value, included.
        high: Upper end; not below low.

    Raises:
        ValueError: ``low > high``, or an end is not a finite number.
    """


@dataclass(frozen=True, slots=True)
class LogUniform(_Bounded):
    """A positive float whose natural logarithm is uniform.

    Attributes:
        low: Natural logarithm of the lowest value, as in ``hp.loguniform``.
        high: Natural logarithm of the upper end; not below low.

    Raises:
        ValueError: ``low > high``, or an end is not a finite number.
    """

    log: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class QUniform(_Bounded):
    """A multiple of ``q``: a uniform float, rounded. It may round to outside of its ends.

    Attributes:
        low: Lower end before rounding, included.
        high: Upper end before rounding; not below low.
        q: The step; positive.

    Raises:
        ValueError: ``low > high``, ``q <= 0``, or a field is not a finite number.

    Examples:
        >>> QUniform(1, 10, 4).bounds()
        (0.0, 8.0)
    """

    q: float


@dataclass(frozen=True, slots=True)
class QLogUniform(_Bounded):
    """A multiple of ``q``: a log-uniform float, rounded. It may round to zero.

    Attributes:
        low: Natural logarithm of the lower end before rounding, as in ``hp.qloguniform``.
        high: Natural logarithm of the upper end before rounding; not below low.
        q: The step of the value itself, not of its logarithm; positive.

    Raises:
        ValueError: ``low > high``, ``q <= 0``, or a field is not a finite number.
    """

    log: ClassVar[bool] = True
    q: float


@dataclass(frozen=True, slots=True)
class Normal(_Gaussian):
    """A float, normally distributed, unbounded.

    Attributes:
        mu: Mean.
        sigma: Standard deviation; 0 for the mean alone.

    Raises:
        ValueError: ``sigma < 0``, or a field is not a finite number.
    """


@dataclass(frozen=True, slots=True)
class QNormal(_Gaussian):
    """A multiple of ``q``: a normally distributed float, rounded.

    Attributes:
        mu: Mean before rounding.
        sigma: Standard deviation before rounding; 0 for the mean alone.
        q: The step; positive.

    Raises:
        ValueError: ``sigma < 0``, ``q <= 0``, or a field is not a finite number.
    """

    q: float


@dataclass(frozen=True, slots=True)
class LogNormal(_Gaussian):
    """A positive float whose natural logarithm is normally distributed.

    Attributes:
        mu: Mean of the natural logarithm.
        sigma: Standard deviation of the natural logarithm; 0 for one value.

    Raises:
        ValueError: ``sigma < 0``, or a field is not a finite number.
    """

    log: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class QLogNormal(_Gaussian):
    """A multiple of ``q``: a log-normally distributed float, rounded. It may round to zero.

    Attributes:
        mu: Mean of the natural logarithm before rounding.
        sigma: Standard deviation of the logarithm before rounding; 0 for one value.
        q: The step of the value itself, not of its logarithm; positive.

    Raises:
        ValueError: ``sigma < 0``, ``q <= 0``, or a field is not a finite number.
    """

    log: ClassVar[bool] = True
    q: float
