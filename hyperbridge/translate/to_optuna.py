"""Build a point of a search space with an Optuna trial, and turn assignments into Optuna's.

Source: Optuna's reference of ``Trial`` and ``optuna.distributions``. Optuna is imported where a
distribution object is needed, not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

from hyperbridge.space import MissingLabelError, Space
from hyperbridge.space.approximations import Approximation
from hyperbridge.space.nodes import Parameter
from hyperbridge.translate.optuna_parameters import (
    Counterpart,
    FloatRange,
    Indices,
    Suggestion,
)
from hyperbridge.translate.optuna_spaces import Counterparts


class OptunaSpace:
    """A search space as a function of an Optuna trial; what `hyperbridge.to_optuna` returns.

    Parameters are suggested under their labels, choices as the **index** of the option. A value
    that Optuna cannot hold itself, such as that of a normal, is kept as a user attribute of the
    trial under the label.

    Args:
        space: The neutral model of the space.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.counterparts = Counterparts(space)

    def __reduce__(self) -> tuple[type[OptunaSpace], tuple[Space]]:
        return type(self), (self.space,)

    def __repr__(self) -> str:
        return f"OptunaSpace({self.space.root!r})"

    @property
    def approximations(self) -> list[Approximation]:
        """What Optuna gets in another form than the space says."""
        return self.counterparts.approximations

    def __call__(self, trial: Any) -> Any:
        """Return a point for the objective, suggested by the trial.

        Args:
            trial: An ``optuna.Trial``, or a ``FixedTrial`` or ``FrozenTrial``.
        """
        return self.space.walk(lambda parameter: self.suggest(trial, parameter))[0]

    def suggest(self, trial: Any, parameter: Parameter) -> Any:
        """Return the raw value that a trial suggests for a parameter."""
        counterpart = self.counterparts[parameter]
        value = _ask(trial, parameter.label, counterpart.suggestion)
        return _raw_of(trial, parameter.label, counterpart, value)

    @property
    def distributions(self) -> dict[str, Any] | None:
        """Optuna's distribution by label, if every trial has each of them; else None."""
        reached = self.counterparts.always_reached
        if reached is None:
            return None
        return {label: distribution_of(each.suggestion) for label, each in reached.items()}

    def read_params(self, trial: Any) -> dict[str, Any]:
        """Return the raw value by label of a trial that was asked for with `distributions`."""
        reached = self.counterparts.always_reached or {}
        # Trial.params is a deep copy of these; an Optuna that keeps them elsewhere gives the copy
        params = getattr(trial, "_cached_frozen_trial", trial).params
        return {
            label: _raw_of(trial, label, each, params[label]) for label, each in reached.items()
        }

    def params_of(
        self, assignment: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Write an assignment the way a study keeps it.

        Args:
            assignment: Raw value by label; labels that are not reached are ignored.

        Returns:
            Optuna's parameters, their distributions, and the user attributes. A value outside
            of what Optuna may suggest (an option of probability 0) is a user attribute alone.

        Raises:
            MissingLabelError: A reached label has no value.
            ValueError: A value lies outside of its parameter's bounds; the message has the label.
        """
        return self._written(self._reached(assignment))

    def flat_params_of(
        self, assignment: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Write an assignment of a space of which it is not known when each label is reached.

        Args:
            assignment: Raw value by label, reached labels only.

        Returns:
            As `params_of`.

        Raises:
            KeyError: The space does not have a label.
            ValueError: A value lies outside of its parameter's bounds; the message has the label.
        """
        parameters = self.space.parameters
        return self._written([(label, raw, parameters[label]) for label, raw in assignment.items()])

    def _written(
        self, reached: list[tuple[str, Any, Parameter]]
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        params: dict[str, Any] = {}
        distributions: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        for label, raw, parameter in reached:
            check_bounds(parameter, raw)
            counterpart = self.counterparts[parameter]
            distribution = distribution_of(counterpart.suggestion)
            value = counterpart.from_raw(raw)
            if isinstance(counterpart.suggestion, Indices):
                if value not in counterpart.suggestion.indices:
                    attributes[label] = plain_number(raw)
                    continue
            elif counterpart.is_hidden or counterpart.to_raw(value) != raw:
                attributes[label] = plain_number(raw)
            params[label], distributions[label] = value, distribution
        return params, distributions, attributes

    def _reached(self, assignment: Mapping[str, Any]) -> list[tuple[str, Any, Parameter]]:
        found: list[tuple[str, Any, Parameter]] = []

        def note(parameter: Parameter) -> Any:
            if parameter.label not in assignment:
                raise MissingLabelError(f"no value for label {parameter.label!r}")
            raw = assignment[parameter.label]
            found.append((parameter.label, raw, parameter))
            return raw

        self.space.walk(note)
        return found


def distribution_of(suggestion: Suggestion) -> Any:
    """Return the Optuna distribution that a suggestion stands for."""
    from optuna import distributions

    if isinstance(suggestion, FloatRange):
        return distributions.FloatDistribution(
            suggestion.low, suggestion.high, step=suggestion.step, log=suggestion.log
        )
    if isinstance(suggestion, Indices):
        return distributions.CategoricalDistribution(suggestion.indices)
    return distributions.IntDistribution(
        suggestion.low, suggestion.high, step=suggestion.step, log=suggestion.log
    )


def check_bounds(parameter: Parameter, raw: Any) -> None:
    """Refuse a raw value outside of the bounds of a parameter, rounding errors forgiven.

    Raises:
        ValueError: It is outside, or no number; the message has the label.
    """
    distribution: Any = parameter.distribution  # a walk resolves computed ones
    low, high = distribution.bounds()
    if isinstance(raw, Real):
        number = float(raw)
        slack = 1e-9 * abs(number)
        if low - slack <= number <= high + slack:
            return
    raise ValueError(f"label {parameter.label!r} must be between {low:g} and {high:g}, got {raw!r}")


def plain_number(value: Any) -> Any:
    """Return a Python number for a NumPy one, which JSON cannot hold."""
    return value.item() if hasattr(value, "item") else value


def _raw_of(trial: Any, label: str, counterpart: Counterpart, value: Any) -> Any:
    """Return hyperopt's value of Optuna's; keep it as a user attribute if the two differ."""
    raw = counterpart.to_raw(value)
    if counterpart.is_hidden:
        trial.set_user_attr(label, raw)
    return raw


def _ask(trial: Any, label: str, suggestion: Suggestion) -> Any:
    if isinstance(suggestion, FloatRange):
        return trial.suggest_float(
            label, suggestion.low, suggestion.high, step=suggestion.step, log=suggestion.log
        )
    if isinstance(suggestion, Indices):
        return trial.suggest_categorical(label, suggestion.indices)
    return trial.suggest_int(
        label, suggestion.low, suggestion.high, step=suggestion.step, log=suggestion.log
    )
