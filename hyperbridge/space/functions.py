"""Our own versions of the functions that hyperopt predefines in its ``scope``.

Expressions in a search space are evaluated on workers that may have no hyperopt, so a
reference to hyperopt's own functions would not do. Source: the names and meanings of
``hyperopt.pyll.base.scope``. Only the standard library is imported; NumPy when it is used.
"""

from __future__ import annotations

import copy
import functools
import operator
import time
from collections.abc import Callable, Iterable
from typing import Any


def _numpy_function(name: str) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        import numpy

        return getattr(numpy, name)(*args)

    return call


def _sum(x: Any, axis: int | None = None) -> Any:
    import numpy

    return numpy.sum(x) if axis is None else numpy.sum(x, axis=axis)


def _asarray(a: Any, dtype: Any = None) -> Any:
    import numpy

    return numpy.asarray(a) if dtype is None else numpy.asarray(a, dtype=dtype)


def _array_union1(args: Iterable[Any]) -> Any:
    import numpy

    return numpy.asarray(sorted({item for arg in args for item in arg}))


def _array_union(*args: Any) -> Any:
    return _array_union1(args)


def _bincount(
    x: Any, offset: int = 0, weights: Any = None, minlength: int = 0, p: Any = None
) -> Any:
    import numpy

    if p is not None and p.ndim == 2:  # one row of probabilities for each observation
        minlength = len(p[0])
    return numpy.bincount(numpy.asarray(x, dtype="int") - offset, weights, minlength)


def _rng_from_seed(seed: Any) -> Any:
    import numpy

    return numpy.random.default_rng(seed)


def _power(a: Any, b: Any) -> Any:
    return a**b


def _tuple_of(*args: Any) -> tuple[Any, ...]:
    return args


def _identity(obj: Any) -> Any:
    return obj


def _call(fn: Callable[..., Any], args: Any = (), kwargs: Any = None) -> Any:
    return fn(*args, **({} if kwargs is None else kwargs))


def _call_in_turn(functions: Iterable[Callable[[Any], Any]], arg: Any) -> Any:
    for function in functions:
        arg = function(arg)
    return arg


def _call_method(obj: Any, methodname: str, *args: Any, **kwargs: Any) -> Any:
    return getattr(obj, methodname)(*args, **kwargs)


def _call_method_of_copy(obj: Any, methodname: str, *args: Any, **kwargs: Any) -> Any:
    return getattr(copy.copy(obj), methodname)(*args, **kwargs)


def _join(s: str, seq: Iterable[str]) -> str:
    return s.join(seq)


def _repeat(n_times: int, obj: Any) -> list[Any]:
    return [obj] * n_times


def _with_time(obj: Any) -> tuple[float, Any]:
    return time.time(), obj


def _raise(kind: Callable[..., BaseException], *args: Any, **kwargs: Any) -> Any:
    raise kind(*args, **kwargs)


STANDARD_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "list": list,
    "dict": dict,
    "range": range,
    "len": len,
    "int": int,
    "float": float,
    "map": map,
    "max": max,
    "min": min,
    "getattr": getattr,
    "getitem": operator.getitem,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "floordiv": operator.floordiv,
    "neg": operator.neg,
    "eq": operator.eq,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "pow": _power,
    "exp": _numpy_function("exp"),
    "log": _numpy_function("log"),
    "sin": _numpy_function("sin"),
    "cos": _numpy_function("cos"),
    "tan": _numpy_function("tan"),
    "sqrt": _numpy_function("sqrt"),
    "minimum": _numpy_function("minimum"),
    "maximum": _numpy_function("maximum"),
    "sum": _sum,
    "asarray": _asarray,
    "array_union": _array_union,
    "array_union1": _array_union1,
    "bincount": _bincount,
    "rng_from_seed": _rng_from_seed,
    "pos_args": _tuple_of,
    "identity": _identity,
    "call": _call,
    "callpipe1": _call_in_turn,
    "call_method": _call_method,
    "call_method_pure": _call_method,
    "copy_call_method_pure": _call_method_of_copy,
    "str_join": _join,
    "repeat": _repeat,
    "partial": functools.partial,
    "Raise": _raise,
    "curtime": _with_time,
}
"""Function by the name that hyperopt's ``scope`` has for it."""

IMPURE_FUNCTIONS = frozenset(
    ["call", "callpipe1", "call_method", "map", "partial", "getattr", "curtime", "rng_from_seed"]
    + ["Raise"]
)
"""Functions whose value for constant arguments may still differ from trial to trial."""
