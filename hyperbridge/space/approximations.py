"""What an engine cannot express exactly: notes on the parameters of a search space.

The modules that translate a space for an engine stand above this one and register themselves
here, so that ``Space.approximations`` finds them without an import that goes up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Approximation:
    """One parameter that an engine gets in another form than the user asked for.

    Attributes:
        label: The label of the parameter.
        asked: The hyperopt expression, as text.
        got: What the engine gets instead.
        why: The reason, and what it means for the search.
    """

    label: str
    asked: str
    got: str
    why: str

    def __str__(self) -> str:
        return f"{self.asked} becomes {self.got}: {self.why}"


Rule: TypeAlias = Callable[[Any], list[Approximation]]
"""Returns the approximations of a `Space`."""

RULES: dict[str, Rule] = {}
"""The rule of each engine."""


def approximations_of(space: Any, target: str) -> list[Approximation]:
    """Return what an engine gets in another form than a space says.

    Raises:
        ValueError: There is no such engine.
    """
    try:
        rule = RULES[target]
    except KeyError:
        known = ", ".join(repr(name) for name in RULES)
        raise ValueError(f"unknown target {target!r}; known targets: {known}") from None
    return rule(space)
