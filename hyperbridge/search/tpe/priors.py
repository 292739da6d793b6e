"""Priors of parameters as TPE sees them, read from the stochastic nodes of a hyperopt space.

Source: ``hyperopt.pyll.stochastic`` for the draws and the adaptive Parzen samplers of
``hyperopt.tpe`` for what each distribution means to the estimator: centre and width of the
prior's own component, the scale on which observations are compared, and pseudo counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from hyperopt.pyll.base import Apply, MissingArgument
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]

EPS = 1e-12
"""Smallest number that hyperopt takes the logarithm of or divides by."""

_EXACT_INTEGER = 2**53
_BOUNDED = frozenset({"uniform", "quniform", "loguniform", "qloguniform"})
_UNBOUNDED = frozenset({"normal", "qnormal", "lognormal", "qlognormal"})


class NotReproducibleError(Exception):
    """Something that only hyperopt's own code can answer; the message says what."""


@dataclass(frozen=True, slots=True)
class NumericPrior:
    """A numeric parameter: (log-)uniform or (log-)normal, perhaps rounded.

    Attributes:
        low, high: Ends of the support on the inner scale; None for the normal family.
        mu, sigma: Centre and width of the prior's component in the Parzen mixture, on the
            inner scale; for the normal family also the parameters of the draw.
        log: True when the inner scale is the natural logarithm of the value.
        q: Rounding step of the value, or None.
        floor: Observations below it are lifted to it before the logarithm; None for no floor.
    """

    low: float | None
    high: float | None
    mu: float
    sigma: float
    log: bool
    q: float | None
    floor: float | None

    @property
    def is_narrow(self) -> bool:
        """Whether components may be narrower than `EPS`, the least width in hyperopt's densities.

        A component has at least a hundredth of the prior's width. Only the exact formulas of
        `likelihood` treat narrower ones as hyperopt does.
        """
        return self.sigma < 200 * EPS

    def to_inner(self, value: float) -> float:
        """Map an observed value to the inner scale.

        Raises:
            NotReproducibleError: The value has no finite image.
        """
        inner = float(value)
        if self.log:
            if self.floor is not None:
                inner = max(self.floor, inner)
            inner = float(np.log(inner)) if inner > 0 else -math.inf
        if not math.isfinite(inner):
            raise NotReproducibleError(f"the value {value!r} is not finite on the inner scale")
        return inner


@dataclass(frozen=True, slots=True)
class CategoricalPrior:
    """An integer parameter whose values are compared as categories.

    Attributes:
        size: Number of categories.
        offset: The value that stands for category 0.
        probabilities: Prior weight of each category; None when they are equal (``randint``).
    """

    size: int
    offset: int
    probabilities: FloatArray | None

    def pseudo_counts(self, prior_weight: float) -> Any:
        """Return what the prior adds to the count of each category: a number or an array."""
        if self.probabilities is None:
            return prior_weight
        return self.size * (prior_weight * self.probabilities)


Prior: TypeAlias = NumericPrior | CategoricalPrior


def read_prior(node: Apply) -> Prior:
    """Read the prior of a parameter.

    Args:
        node: The stochastic node inside of a ``hyperopt_param`` node.

    Raises:
        NotReproducibleError: The distribution is unknown here, or one of its arguments is not a
            plain constant, or the arguments are such that hyperopt raises or misbehaves.
    """
    if node.name == "randint":
        return _read_randint(node)
    if node.name == "categorical":
        return _read_categorical(node)
    if node.name not in _BOUNDED | _UNBOUNDED:
        raise NotReproducibleError(f"distribution {node.name!r} is not one of hyperopt's own")
    numbers = {
        name: _number(name, argument)
        for name, argument in node.arg.items()
        if argument is not MissingArgument and name not in ("rng", "size")
    }
    q = numbers.get("q")
    if q is not None and not q > 0:
        raise NotReproducibleError(f"q={q:g} is not positive")
    log = "log" in node.name
    if node.name in _BOUNDED:
        return _bounded(numbers["low"], numbers["high"], q, log)
    mu, sigma = numbers["mu"], numbers["sigma"]
    if not sigma > 0:
        raise NotReproducibleError(f"sigma={sigma:g} is not positive")
    floor = EPS if log and q is not None else None
    return NumericPrior(None, None, mu, sigma, log, q, floor)


def _bounded(low: float, high: float, q: float | None, log: bool) -> NumericPrior:
    if not low < high:
        raise NotReproducibleError(f"low={low:g} is not less than high={high:g}")
    floor = None
    if log and q is not None:
        floor = float(np.maximum(EPS, np.exp(low)))
    return NumericPrior(low, high, 0.5 * (high + low), high - low, log, q, floor)


def _read_randint(node: Apply) -> CategoricalPrior:
    named = {name for name, _ in node.named_args}
    if len(node.pos_args) not in (1, 2) or not named <= {"rng", "size"}:
        # By keyword, hyperopt forgets to add the lower end after the start-up trials.
        raise NotReproducibleError("randint with arguments by keyword")
    ends = [_constant(argument) for argument in node.pos_args]
    if not all(isinstance(end, (int, np.integer)) and not isinstance(end, bool) for end in ends):
        raise NotReproducibleError(f"randint with ends {ends!r} that are not integers")
    low, high = (0, int(ends[0])) if len(ends) == 1 else (int(ends[0]), int(ends[1]))
    if not low < high or max(-low, high) >= _EXACT_INTEGER:
        raise NotReproducibleError(f"randint from {low} to {high}")
    return CategoricalPrior(high - low, low, None)


def _read_categorical(node: Apply) -> CategoricalPrior:
    argument = node.arg["p"]
    if argument is MissingArgument or argument.name != "pos_args":
        raise NotReproducibleError("categorical without a plain list of probabilities")
    probabilities = np.array([_number("p", p) for p in argument.pos_args], dtype=np.float64)
    if probabilities.size == 0 or not (probabilities >= 0).all():
        raise NotReproducibleError(f"probabilities {probabilities.tolist()}")
    return CategoricalPrior(probabilities.size, 0, probabilities)


def _constant(node: Any) -> Any:
    if getattr(node, "name", None) != "literal":
        raise NotReproducibleError("a distribution whose arguments are not constants")
    return node.obj


def _number(name: str, node: Any) -> float:
    """Return a constant as a float, if arithmetic with the float equals that with the constant."""
    given = _constant(node)
    if isinstance(given, bool) or not isinstance(given, (int, float, np.integer)):
        raise NotReproducibleError(f"{name}={given!r} of type {type(given).__name__}")
    if not isinstance(given, float) and abs(int(given)) >= _EXACT_INTEGER:
        raise NotReproducibleError(f"{name}={given!r} is not an exact float")
    if not math.isfinite(given):
        raise NotReproducibleError(f"{name}={given!r} is not finite")
    return float(given)
