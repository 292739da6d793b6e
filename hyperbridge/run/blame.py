"""Find the variable that keeps an objective from being pickled, and say what to do about it."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hyperbridge.run.reach import is_installed

if TYPE_CHECKING:
    from hyperbridge.run.objective import Objective

_DEPTH = 4

ADVICE = "Create it inside the objective, or load it there from a file."
"""What to do about an object that cannot be pickled, on every engine."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """What cannot be pickled.

    Attributes:
        name: How the user knows it, such as ``model.lock``; empty when it was not found.
        value: The object; None when it was not found.
    """

    name: str
    value: Any

    def explain(self, where: str, advise: Callable[[Any], str] | None = None) -> str:
        """Say what is wrong and what to do.

        Args:
            where: Names the engine.
            advise: Returns what to do about the object there; None for `ADVICE`.
        """
        if not self.name:
            return f"The objective cannot be sent to the workers of {where}."
        kind = type(self.value).__name__
        text = (
            f"The objective cannot be sent to the workers of {where}: it uses {self.name!r}, "
            f"a {kind}, which cannot be pickled."
        )
        return f"{text} {ADVICE if advise is None else advise(self.value)}"


def find_culprit(objective: Objective, dumps: Callable[[Any], object]) -> Culprit:
    """Return the innermost named thing of an objective that cannot be pickled.

    Args:
        objective: The objective whose pickling failed.
        dumps: Raises for what cannot be pickled.
    """
    for name, value in [("the search space", objective.expr), *_parts(objective.fn)]:
        if _fails(value, dumps):
            return _descend(name, value, dumps, _DEPTH)
    return Culprit("", None)


def _fails(value: Any, dumps: Callable[[Any], object]) -> bool:
    try:
        dumps(value)
    except Exception:  # noqa: BLE001 - pickling may raise anything
        return True
    return False


def _descend(name: str, value: Any, dumps: Callable[[Any], object], depth: int) -> Culprit:
    if depth > 0:
        for part_name, part in _parts(value):
            if _fails(part, dumps):
                full = part_name if isinstance(value, types.FunctionType) else name + part_name
                return _descend(full, part, dumps, depth - 1)
    return Culprit(name, value)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an object refers to, with names as the user wrote them."""
    if isinstance(value, functools.partial):
        yield getattr(value.func, "__name__", "func"), value.func
        for index, argument in enumerate(value.args):
            yield f"args[{index}]", argument
        yield from value.keywords.items()
    elif isinstance(value, types.MethodType):
        yield "self", value.__self__
    elif isinstance(value, types.FunctionType):
        try:
            names = inspect.getclosurevars(value)
        except ValueError:  # a cell that is still empty
            return
        yield from names.nonlocals.items()
        yield from names.globals.items()
        for index, default in enumerate(value.__defaults__ or ()):
            yield f"default argument {index}", default
    elif isinstance(value, dict):
        for key, part in value.items():
            yield f"[{key!r}]", part
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(value):
            yield f"[{index}]", part
    elif hasattr(value, "__dict__") and not isinstance(value, (type, types.ModuleType)):
        is_users = not is_installed(sys.modules.get(type(value).__module__))
        for attribute, part in vars(value).items():
            if is_users or not attribute.startswith("_"):
                yield f".{attribute}", part
