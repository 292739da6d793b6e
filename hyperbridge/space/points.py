"""Check the points that a user wants evaluated first, before the first trial.

Source: hyperopt's documentation of ``fmin(points_to_evaluate=...)``: each point is a dict of raw
value by label, as in ``best``.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.space.distributions import Categorical, RandInt
from hyperbridge.space.model import MissingLabelError, Space
from hyperbridge.space.nodes import Choice, ComputedDistribution, Constant, Node, Parameter


def validate_points(
    space: Space, points: Sequence[Mapping[str, Any]], *, check_bounds: bool = True
) -> None:
    """Check ``points_to_evaluate``.

    A point may leave out labels that it does not reach, or have values for them; these are not
    looked at. A value between the steps of a quantised parameter is fine: hyperopt evaluates it
    as given.

    Args:
        space: The search space.
        points: Raw value by label for each point: the index for a choice.
        check_bounds: Whether a number beyond the bounds of its parameter is an error. hyperopt
            itself evaluates such a point; an engine with its own sampler cannot.

    Raises:
        InvalidArgumentError: A point is not a mapping, has a label that the space does not have,
            lacks one that it reaches, or has a value that cannot work. The message has the
            position of the point and the label.

    Examples:
        >>> from hyperopt import hp
        >>> from hyperbridge.translate.from_hyperopt import read_space
        >>> space = read_space(hp.choice("model", ["svm", "forest"]))
        >>> validate_points(space, [{"model": 1}])
        >>> validate_points(space, [{"model": "forest"}])
        Traceback (most recent call last):
            ...
        hyperbridge.errors.InvalidArgumentError: points_to_evaluate[0]: label 'model' needs the \
index of an option, 0 to 1, got 'forest', which is option 1
    """
    if isinstance(points, (str, bytes, Mapping)) or not isinstance(points, Sequence):
        raise InvalidArgumentError(
            f"points_to_evaluate must be a list of dicts, got {type(points).__name__}"
        )
    for position, point in enumerate(points):
        try:
            _check_point(space, point, check_bounds=check_bounds)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(f"points_to_evaluate[{position}]: {exc}") from exc.__cause__


def _check_point(space: Space, point: Mapping[str, Any], *, check_bounds: bool) -> None:
    if not isinstance(point, Mapping):
        raise InvalidArgumentError(f"must be a dict of value by label, got {point!r}")
    for label in point:
        if label not in space.parameters:
            known = ", ".join(repr(known) for known in space.parameters) or "none"
            raise InvalidArgumentError(f"the space has no label {label!r}; it has {known}")

    def suggest(parameter: Parameter) -> Any:
        label = parameter.label
        if label not in point:
            raise MissingLabelError(f"label {label!r} has no value, and this point needs one")
        value = point[label]
        if label in space.choices:
            _check_index(space.choices[label], label, value)
        else:
            _check_number(parameter, value, check_bounds=check_bounds)
        return value

    try:
        space.walk(suggest)
    except (InvalidArgumentError, MissingLabelError) as exc:
        raise InvalidArgumentError(str(exc)) from None
    except Exception:  # noqa: BLE001
        # An expression of the space that raises for this point makes its trial fail, as
        # everywhere; it does not make the argument wrong.
        return


def _check_index(choice: Choice, label: str, value: Any) -> None:
    last = len(choice.options) - 1
    try:
        index = operator.index(value)
    except TypeError:
        hint = ""
        for position, option in enumerate(choice.options):
            if _is_constant(option, value):
                hint = f", which is option {position}"
                break
        raise InvalidArgumentError(
            f"label {label!r} needs the index of an option, 0 to {last}, got {value!r}{hint}"
        ) from None
    if not 0 <= index <= last:
        raise InvalidArgumentError(f"label {label!r} has the options 0 to {last}, got {index}")


def _is_constant(option: Node, value: Any) -> bool:
    """Tell whether an option is the constant that the user gave in place of its index."""
    return (
        isinstance(option, Constant)
        and isinstance(value, (str, float))
        and type(option.value) is type(value)
        and bool(option.value == value)
    )


def _check_number(parameter: Parameter, value: Any, *, check_bounds: bool) -> None:
    distribution = parameter.distribution
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise InvalidArgumentError(
            f"label {parameter.label!r} needs a number, got {value!r}"
        ) from None
    if not check_bounds or isinstance(distribution, ComputedDistribution):
        return  # a walk has put a concrete distribution in the place of a computed one
    if math.isinf(number):
        raise InvalidArgumentError(f"label {parameter.label!r} must be finite, got {value!r}")
    low, high = distribution.bounds()
    slack = 1e-9 * abs(number)
    if not low - slack <= number <= high + slack:
        raise InvalidArgumentError(
            f"label {parameter.label!r} must be between {low:g} and {high:g}, got {value!r}"
        )
    if isinstance(distribution, RandInt | Categorical) and not number.is_integer():
        raise InvalidArgumentError(f"label {parameter.label!r} needs an integer, got {value!r}")
