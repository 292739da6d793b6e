"""Read the raw assignment of a trial of an Optuna study.

A study of hyperbridge has the index of a choice. A study of other code may have the option itself,
and the value of a normal under its label.
"""

from __future__ import annotations

from typing import Any

from hyperbridge.space.nodes import Choice, Constant, Parameter
from hyperbridge.translate.to_optuna import OptunaSpace, check_bounds, distribution_of


def read_trial(frozen: Any, space: OptunaSpace) -> dict[str, Any]:
    """Return the raw value by label of a finished trial, reached labels only.

    Args:
        frozen: An ``optuna.trial.FrozenTrial``.
        space: The search space.

    Raises:
        ValueError: A label is unknown, or missing, or has a value that the space does not have;
            the message has the label and the number of the trial.
    """
    for label in frozen.params:
        if label not in space.space.parameters:
            raise ValueError(
                f"trial {frozen.number} has the parameter {label!r}, which the search space does "
                "not have"
            )

    def look_up(parameter: Parameter) -> Any:
        label = parameter.label
        kept = frozen.user_attrs.get(label)
        if isinstance(kept, int | float) and not isinstance(kept, bool):
            return kept
        if label not in frozen.params:
            raise ValueError(
                f"trial {frozen.number} has no value for label {label!r}, which its other values "
                "need"
            )
        value = frozen.params[label]
        counterpart = space.counterparts[parameter]
        if frozen.distributions[label] == distribution_of(counterpart.suggestion):
            return counterpart.to_raw(value)
        choice = space.space.choices.get(label)
        try:
            if choice is not None:
                return _index_of(choice, value, frozen.distributions[label])
            check_bounds(parameter, value)
        except ValueError as exc:
            raise ValueError(f"trial {frozen.number}: label {label!r}: {exc}") from exc
        return type(parameter.distribution.bounds()[0])(value)  # type: ignore[union-attr]  # a walk resolves computed ones

    return space.space.walk(look_up)[1]


def _index_of(choice: Choice, value: Any, stored: Any) -> int:
    """Return the position of an option that a study holds by value."""
    for index, option in enumerate(choice.options):
        if (
            isinstance(option, Constant)
            and type(option.value) is type(value)
            and option.value == value
        ):
            return index
    if tuple(getattr(stored, "choices", ())) == tuple(range(len(choice.options))):
        return int(value)
    raise ValueError(f"{value!r} is not one of its options")
