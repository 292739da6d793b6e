"""What a target cannot express exactly: notes that a writer of the space model records.

The writers live above this module and register themselves, so that ``Space.losses`` can find
them without importing upwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Loss:
    """One parameter that a target gets in another form than the user asked for.

    Attributes:
        label: The label of the parameter.
        asked: The hyperopt expression, as text.
        got: What the target gets instead.
        why: The reason, and what it means for the search.
    """

    label: str
    asked: str
    got: str
    why: str

    def __str__(self) -> str:
        return f"{self.asked} becomes {self.got}: {self.why}"


LossRule: TypeAlias = Callable[[Any], list[Loss]]
"""Returns the losses of a `Space`."""

RULES: dict[str, LossRule] = {}
"""The rule of each target; filled by the writers when they are imported."""


def losses_of(space: Any, target: str) -> list[Loss]:
    """Return what a target loses of a space.

    Raises:
        ValueError: There is no such target.
    """
    try:
        rule = RULES[target]
    except KeyError:
        known = ", ".join(repr(name) for name in RULES)
        raise ValueError(f"unknown target {target!r}; known targets: {known}") from None
    return rule(space)
