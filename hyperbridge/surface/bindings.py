"""Find who holds certain objects: names of modules, and things that keep the old object."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

# hyperopt's SparkTrials calls this name; objects of that class must go on working.
_LEFT_ALONE = ("hyperopt.spark", "fmin")


@dataclass(frozen=True, slots=True)
class Binding:
    """A name in a module and the object that it had when it was found.

    Attributes:
        module: The module's name in ``sys.modules``.
        name: The name in the module.
        value: The object found there.
        namespace: The module's dictionary.
    """

    module: str
    name: str
    value: Any
    namespace: dict[str, Any]

    @classmethod
    def of(cls, module: ModuleType, name: str) -> Binding:
        """Return the binding of a name that the module has."""
        return cls(module.__name__, name, module.__dict__[name], module.__dict__)

    def now(self) -> Any:
        """Return the object that the name has now; None when it has gone."""
        return self.namespace.get(self.name)

    def set(self, value: Any) -> None:
        """Bind the name to another object."""
        self.namespace[self.name] = value

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


def distinct(objects: Iterable[Any]) -> list[Any]:
    """Return the objects without repetition, by identity."""
    return list({id(each): each for each in objects}.values())


def is_any(value: Any, objects: Iterable[Any]) -> bool:
    """Tell whether ``value`` is one of the objects, by identity."""
    return any(value is each for each in objects)


def find(objects: list[Any]) -> list[Binding]:
    """Return every module-level name bound to one of the objects, outside hyperbridge."""
    wanted = {id(each) for each in objects}
    return [
        Binding(module, name, value, namespace)
        for module, namespace in _namespaces()
        for name, value in namespace.copy().items()
        if id(value) in wanted and (module, name) != _LEFT_ALONE
    ]


def find_holders(objects: list[Any], *, ours: type) -> list[str]:
    """Describe what holds one of the objects in another way than by a module-level name.

    Looks at what modules outside hyperopt hold: instances and subclasses of the classes among
    the objects, default arguments, closures, partial functions, class attributes, and lists,
    tuples, sets and dicts. It cannot see into instances or local variables.

    Args:
        objects: Functions and classes.
        ours: A class that may inherit one of them without being reported.

    Returns:
        Descriptions such as ``train.trials (a SparkTrials object)``.
    """
    wanted = {id(each) for each in objects}
    classes = [each for each in objects if isinstance(each, type)]
    found = []
    seen: set[int] = set()
    for module, namespace in _namespaces():
        if module.partition(".")[0] == "hyperopt":
            continue
        for name, value in namespace.copy().items():
            reason = _reason(value, wanted, classes, ours)
            if reason is not None and id(value) not in seen:
                seen.add(id(value))
                found.append(f"{module}.{name} ({reason})")
    return found


def _namespaces() -> Iterator[tuple[str, dict[str, Any]]]:
    seen: set[int] = set()
    for name, module in sys.modules.copy().items():
        if not issubclass(type(module), ModuleType) or name.partition(".")[0] == "hyperbridge":
            continue
        # A lazy module would be loaded by an ordinary attribute access.
        namespace: dict[str, Any] = object.__getattribute__(module, "__dict__")
        if id(namespace) not in seen:
            seen.add(id(namespace))
            yield name, namespace


def _reason(value: Any, wanted: set[int], classes: list[type], ours: type) -> str | None:
    kind = type(value)  # not isinstance: proxies answer that by loading what they stand for
    for cls in classes:
        if cls in kind.__mro__ and ours not in kind.__mro__:
            return f"a {kind.__name__} object"
    if issubclass(kind, type):
        for cls in classes:
            if cls in value.__mro__ and ours not in value.__mro__:
                return f"a subclass of {cls.__name__}"
        return _class_reason(value, wanted)
    if kind is FunctionType:
        return _function_reason(value, wanted)
    if kind is functools.partial:
        held = (value.func, *value.args, *value.keywords.values())
        return "a partial function" if _holds(held, wanted) else None
    if kind in (list, tuple, set, frozenset):
        return (
            f"a {kind.__name__}"
            if _holds(value.copy() if kind is list else value, wanted)
            else None
        )
    if kind is dict:
        return "a dict" if _holds(list(value.values()), wanted) else None
    return None


def _class_reason(value: type, wanted: set[int]) -> str | None:
    for name, attribute in list(type.__dict__["__dict__"].__get__(value).items()):
        if type(attribute) is staticmethod:
            attribute = attribute.__func__
        if id(attribute) in wanted:
            return f"its attribute {name}"
        if type(attribute) is FunctionType:
            reason = _function_reason(attribute, wanted)
            if reason is not None:
                return f"{reason} of its method {name}"
    return None


def _function_reason(value: FunctionType, wanted: set[int]) -> str | None:
    if _holds((*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()), wanted):
        return "a default argument"
    for cell in value.__closure__ or ():
        try:
            if id(cell.cell_contents) in wanted:
                return "a closure"
        except ValueError:  # not filled yet
            continue
    return None


def _holds(values: Iterable[Any], wanted: set[int]) -> bool:
    return any(id(value) in wanted for value in values)
