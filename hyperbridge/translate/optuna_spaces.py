"""The parameters of a whole search space as Optuna has them, and what that approximates."""

from __future__ import annotations

from typing import Any

from hyperbridge.space import Space
from hyperbridge.space.approximations import Approximation
from hyperbridge.space.nodes import (
    ComputedDistribution,
    Parameter,
    cast_of,
    iterate,
    text_of,
    without_casts,
)
from hyperbridge.space.queries import Condition
from hyperbridge.translate.counterparts import always
from hyperbridge.translate.optuna_parameters import Counterpart, counterpart_of
from hyperbridge.translate.optuna_table import OPTUNA


class Counterparts:
    """The counterparts of all parameters of a space, made once.

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
        """The same, but the two end values of rounded parameters may differ."""
        self.approximations = [
            found
            for parameter in space.parameters.values()
            if (found := self._approximation(parameter)) is not None
        ]

    def __getitem__(self, parameter: Parameter) -> Counterpart:
        """Return the counterpart of a parameter that a walk has reached."""
        known = self._static.get(parameter.label)
        return self._make(parameter.label, parameter.distribution) if known is None else known

    def _approximation(self, parameter: Parameter) -> Approximation | None:
        known = self._static.get(parameter.label)
        if known is not None:
            got, why = known.got, known.why
        else:  # the arguments are computed in each trial, so only what is always lost is known
            row = OPTUNA[parameter.distribution.kind]  # type: ignore[union-attr]  # not static
            lost = [each for each in row.lost if each.when is always]
            got, why = (lost[0].got, lost[0].why) if lost else ("", "")
        return Approximation(parameter.label, text_of(parameter), got, why) if got else None

    def _make(self, label: str, distribution: Any) -> Counterpart:
        return counterpart_of(
            distribution, is_index=label in self._choices, is_int=label in self._ints
        )


def optuna_approximations(space: Space) -> list[Approximation]:
    """Return what Optuna gets in another form than the user asked for, label by label."""
    return Counterparts(space).approximations


def _int_labels(space: Space) -> frozenset[str]:
    """Return the labels that the space casts to ``int``, such as those of ``hp.uniformint``."""
    found = set()
    for node in iterate(space.root):
        cast = cast_of(node)
        parameter = without_casts(node)
        if cast is not None and cast[0] == "int" and parameter is not None:
            found.add(parameter.label)
    return frozenset(found)
