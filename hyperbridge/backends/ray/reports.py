"""Find out whether an objective talks to Tune while it runs, by reading its code."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from typing import Any


def needs_reports(fn: Any, tune_config: Any, run_config: Any) -> bool:
    """Tell whether intermediate results matter: for a scheduler, a stop rule, or the objective."""
    return bool(tune_config.scheduler is not None or run_config.stop or uses_reports(fn))


_NAMES = ("report", "get_checkpoint", "get_context")


def uses_reports(fn: Any) -> bool:
    """Tell whether an objective may use Tune's functions for use inside a trial.

    It may when it, or a function that it calls by name or as ``module.function``, has the name
    ``report``, ``get_checkpoint`` or ``get_context`` in its code, or is one of these. What is
    imported inside a function is not followed.

    Examples:
        >>> uses_reports(lambda point: point["x"])
        False
    """
    seen: set[int] = set()
    pending = [fn]
    while pending:
        function = _function_of(pending.pop())
        if function is None or id(function) in seen:
            continue
        seen.add(id(function))
        if str(function.__module__).partition(".")[0] == "ray":
            if function.__name__ in _NAMES:
                return True
            continue
        codes = [function.__code__]
        for code in codes:
            codes += [part for part in code.co_consts if isinstance(part, types.CodeType)]
        if any(name in code.co_names for code in codes for name in _NAMES):
            return True
        pending += _named_in(function, codes)
    return False


def _function_of(fn: Any) -> types.FunctionType | None:
    fn = getattr(fn, "func", fn)  # a partial
    fn = getattr(fn, "fn", fn)  # an objective with an annotated space
    found = fn if inspect.isroutine(fn) else getattr(type(fn), "__call__", None)  # noqa: B004
    found = getattr(found, "__func__", found)
    return found if isinstance(found, types.FunctionType) else None


def _named_in(function: types.FunctionType, codes: list[types.CodeType]) -> Iterator[Any]:
    """Yield the functions that a function refers to, also those of modules."""
    try:
        names = inspect.getclosurevars(function)
    except ValueError:  # a cell that is still empty
        return
    for value in [*names.globals.values(), *names.nonlocals.values()]:
        if isinstance(value, types.FunctionType):
            yield value
        elif isinstance(value, types.ModuleType):
            attributes = {name for code in codes for name in code.co_names}
            for name in attributes & vars(value).keys():
                if isinstance(vars(value)[name], types.FunctionType):
                    yield vars(value)[name]
