"""`Space`: a search space as a whole, and what can be done with it.

The module imports only the standard library and its siblings, because it is shipped by value
to workers that may not have hyperbridge.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hyperbridge.space.nodes import Choice, Node, Parameter
from hyperbridge.space.queries import (
    Condition,
    choices_of,
    conditions_of,
    parameters_of,
    text_of_option,
)
from hyperbridge.space.walk import Suggest, Visit, compile_walk

if TYPE_CHECKING:
    from hyperbridge.space.approximations import Approximation


class MissingLabelError(KeyError):
    """An assignment has no value for a label that its other values make reachable."""

    def __str__(self) -> str:
        return str(self.args[0])


class Space:
    """A search space, read once and frozen.

    Attributes:
        root: The node at the top.

    Examples:
        >>> from hyperopt import hp
        >>> from hyperbridge.translate.from_hyperopt import read_space
        >>> space = read_space({"x": hp.uniform("x", 0, 1), "k": hp.choice("k", ["a", "b"])})
        >>> space
        Space({'k': choice('k', ['a', 'b']), 'x': uniform('x', low=0.0, high=1.0)})
        >>> space.point({"k": 1, "x": 0.5})
        {'k': 'b', 'x': 0.5}
    """

    __slots__ = ("_choices", "_evaluate", "_parameters", "_texts", "root")

    def __init__(self, root: Node) -> None:
        self.root = root
        self._evaluate = compile_walk(root)
        self._parameters: dict[str, Parameter] | None = None
        self._choices: dict[str, Choice] | None = None
        self._texts: dict[tuple[str, int], str] = {}

    def __reduce__(self) -> tuple[type[Space], tuple[Node]]:
        return type(self), (self.root,)

    def __repr__(self) -> str:
        return f"Space({self.root!r})"

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Every parameter by its label, in the order in which a walk asks for them."""
        if self._parameters is None:
            self._parameters = parameters_of(self.root)
        return self._parameters

    @property
    def choices(self) -> dict[str, Choice]:
        """Every choice by the label of its index; computed switches are left out."""
        if self._choices is None:
            self._choices = choices_of(self.root)
        return self._choices

    @property
    def conditions(self) -> dict[str, frozenset[frozenset[Condition]]]:
        """For each label, when it is reached: any of several conjunctions of choices.

        A label that is always reached has one empty conjunction.
        """
        return conditions_of(self.root)

    def walk(self, suggest: Suggest) -> tuple[Any, dict[str, Any]]:
        """Build a point, asking for the value of each reached parameter.

        Args:
            suggest: Called once per reached parameter, choices before what is in them; returns
                the raw value: an index for a choice, a float for a quniform.

        Returns:
            The point for the objective, and the suggested value by label.

        Raises:
            TypeError: A choice got a value that is not an integer.
            IndexError: A choice got an index that it does not have.
            ValueError: Computed arguments of a distribution turned out not to work.
        """
        visit = Visit(suggest, {})
        return self._evaluate(visit), visit.assignment

    def point(self, assignment: Mapping[str, Any]) -> Any:
        """Return the point for the objective, equal to ``hyperopt.space_eval``'s.

        Args:
            assignment: Raw value by label; values of labels that are not reached are ignored.

        Raises:
            MissingLabelError: A reached label has no value.
            TypeError, IndexError: A choice's index cannot work, as in `walk`.
        """
        return self._evaluate(Visit(_refuse, dict(assignment)))

    def reached(self, assignment: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part of an assignment that a walk reaches, in the order of the walk.

        Raises:
            MissingLabelError: A reached label has no value.
            TypeError, IndexError: A choice's index cannot work, as in `walk`.
        """

        def look_up(parameter: Parameter) -> Any:
            if parameter.label not in assignment:
                _refuse(parameter)
            return assignment[parameter.label]

        return self.walk(look_up)[1]

    def draw(self, rng: Any) -> tuple[Any, dict[str, Any]]:
        """Draw from the prior.

        Args:
            rng: A ``numpy.random.Generator``.

        Returns:
            The point for the objective, and the drawn value by label.
        """
        return self.walk(lambda parameter: parameter.distribution.draw(rng))  # type: ignore[union-attr]  # a walk resolves computed distributions

    def decode(self, assignment: Mapping[str, Any]) -> dict[str, str]:
        """Return a short text of the chosen option for each choice in an assignment.

        Args:
            assignment: Raw value by label; labels that are not choices are skipped, and so is an
                index that the choice does not have, and an option that has no text.
        """
        texts = {}
        for label, index in assignment.items():
            if label in self.choices:
                with contextlib.suppress(Exception):  # str() of a user's object may do anything
                    texts[label] = self._option_text(label, int(index))
        return texts

    def approximations(self, target: str) -> list[Approximation]:
        """Return what an engine gets in another form than this space says.

        Args:
            target: The engine: ``"optuna"`` or ``"ray"``.

        Returns:
            One note for each parameter that is not passed on exactly, empty when all are.

        Raises:
            ValueError: There is no such target.

        Examples:
            >>> from hyperopt import hp
            >>> from hyperbridge.translate.from_hyperopt import read_space
            >>> space = read_space([hp.normal("n", 0, 1), hp.lognormal("m", 0, 1)])
            >>> [each.label for each in space.approximations("optuna")]
            ['n', 'm']
            >>> [each.label for each in space.approximations("ray")]
            ['m']
        """
        # Imported here because a global would be shipped, with the writers that it holds.
        from hyperbridge.space.approximations import approximations_of

        return approximations_of(self, target)

    def _option_text(self, label: str, index: int) -> str:
        text = self._texts.get((label, index))
        if text is None:
            if index < 0:
                raise IndexError(index)
            text = self._texts[label, index] = text_of_option(self.choices[label].options[index])
        return text


def _refuse(parameter: Parameter) -> Any:
    raise MissingLabelError(f"no value for label {parameter.label!r}, which this point needs")


def walk(space: Space | Node, suggest: Suggest) -> tuple[Any, dict[str, Any]]:
    """Build a point of a space or of one of its nodes; see `Space.walk`."""
    return _as_space(space).walk(suggest)


def point_of(space: Space | Node, assignment: Mapping[str, Any]) -> Any:
    """Return the point for an assignment; see `Space.point`."""
    return _as_space(space).point(assignment)


def draw(space: Space | Node, rng: Any) -> tuple[Any, dict[str, Any]]:
    """Draw a point and its assignment from the prior; see `Space.draw`."""
    return _as_space(space).draw(rng)


def _as_space(space: Space | Node) -> Space:
    return space if isinstance(space, Space) else Space(space)
