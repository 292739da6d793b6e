"""Find out whether an objective talks to Tune while it runs, by reading its code."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterator
from typing import Any


def needs_reports(fn: Any, said: bool | None, tune_config: Any, run_config: Any) -> bool:
    """Tell whether intermediate results matter: for a scheduler, a stop rule, or the objective.

    Args:
        fn: The objective.
        said: What the user says of it; None to read its code.
        tune_config: The user's.
        run_config: The user's.
    """
    if tune_config.scheduler is not None or run_config.stop:
        return True
    return uses_reports(fn) if said is None else said


_NAMES = ("report", "get_checkpoint", "get_context")
_TUNES = ("ray.tune", "ray.train", "ray.air")
_MOST_FUNCTIONS = 2000


def uses_reports(fn: Any) -> bool:
    """Tell whether an objective may use Tune's functions for use inside a trial.

    It may when it, or something that it refers to by name or as ``module.name``, says ``report``,
    ``get_checkpoint`` or ``get_context`` beside a module of Ray's, imports a part of Ray Tune or
    Ray Train, or comes from one, as the callbacks of ``ray.tune.integration`` do. Functions and
    the methods of classes and of objects are followed, up to 2,000 of them; what is imported
    inside a function is not.

    Examples:
        >>> uses_reports(lambda point: point["x"])
        False
    """
    seen: set[int] = set()
    fn = getattr(fn, "func", fn)  # a partial
    pending = [getattr(fn, "fn", fn)]  # an objective with an annotated space has it inside
    while pending and len(seen) < _MOST_FUNCTIONS:
        value = pending.pop()
        named = value if isinstance(value, type | types.FunctionType) else type(value)
        if str(named.__module__).startswith(_TUNES):
            return True
        for function in _functions_of(value):
            if id(function) in seen or str(function.__module__).partition(".")[0] == "ray":
                continue
            seen.add(id(function))
            names = _names_in(function.__code__)
            if any(name.startswith(_TUNES) for name in names):
                return True
            referred = list(_referred(function, names))
            modules = [each.__name__ for each in referred if isinstance(each, types.ModuleType)]
            is_about_ray = "ray" in names or any(m.partition(".")[0] == "ray" for m in modules)
            if is_about_ray and not names.isdisjoint(_NAMES):
                return True
            for each in referred:
                if isinstance(each, types.ModuleType):
                    pending += (vars(each)[name] for name in names & vars(each).keys())
                else:
                    pending.append(each)
    return False


def _names_in(code: types.CodeType) -> set[str]:
    """Return the names in a function's code and in that of the functions inside it."""
    inner = (part for part in code.co_consts if isinstance(part, types.CodeType))
    return set(code.co_names).union(*map(_names_in, inner))


def _referred(function: types.FunctionType, names: set[str]) -> Iterator[Any]:
    """Yield what a function refers to: its globals, and the variables around it."""
    for name in names & function.__globals__.keys():
        yield function.__globals__[name]
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # still empty
            continue


def _functions_of(value: Any) -> Iterator[types.FunctionType]:
    """Yield a function itself, that of a partial, and the methods of a class."""
    if isinstance(value, functools.partial):
        value = value.func
    if isinstance(value, types.MethodType):
        value = value.__self__
    if isinstance(value, types.FunctionType):
        yield value
        return
    kind = value if isinstance(value, type) else type(value)
    for part in kind.__mro__:
        if part.__module__.partition(".")[0] in sys.stdlib_module_names:
            continue
        for attribute in vars(part).values():
            found = getattr(attribute, "__func__", getattr(attribute, "fget", attribute))
            if isinstance(found, types.FunctionType):
                yield found
