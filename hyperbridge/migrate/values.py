"""Work out the values of constant expressions without running the program.

Only what cannot do harm is evaluated: literals, arithmetic, names assigned once, and a short
list of functions of the builtins, ``math`` and NumPy.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

from hyperbridge.errors import HyperbridgeError
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import is_changed

_LARGEST = 100_000
"""The most elements that a container may have to be worked out."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_BUILTINS: dict[str, Callable[..., Any]] = {
    "range": range,
    "list": list,
    "tuple": tuple,
    "dict": dict,
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "len": len,
    "min": min,
    "max": max,
    "sum": sum,
    "round": round,
    "abs": abs,
    "sorted": sorted,
}
_MATH = ("log", "log2", "log10", "log1p", "exp", "sqrt", "pow", "pi", "e", "inf")
_PLAIN = ("log", "log2", "log10", "log1p", "exp", "sqrt")
_BIG = 700.0
"""The exponential of more than that may be too large for a float."""
_NUMPY = (*_MATH, "arange", "linspace", "logspace", "geomspace", "array")
_METHODS = ("tolist", "keys", "values", "items")


class NotConstantError(HyperbridgeError, ValueError):
    """The value of an expression is known only when the program runs."""


def evaluate(module: Module, expr: ast.expr, *, is_number: bool = False) -> Any:
    """Return the value of a constant expression.

    Args:
        module: The file.
        expr: The expression.
        is_number: Whether a number is asked for, of whatever class: NumPy is not imported for
            what `math` does as well.

    Raises:
        NotConstantError: It cannot be told from the source.
    """
    try:
        return _evaluate(module, expr, is_number=is_number)
    except (ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as exc:
        if isinstance(exc, NotConstantError):
            raise
        raise NotConstantError(f"line {expr.lineno}: {exc}") from exc


def is_mutated(module: Module, name: ast.Name) -> bool:
    """Tell whether something is stored in, deleted from or called on what a name holds."""
    binding = module.names.only_binding(name)
    if binding is None:
        return True
    parent_of = module.names.parent_of
    for use in module.names.uses(binding):
        parent = parent_of[use]
        if is_changed(use, parent_of) or (
            isinstance(parent, ast.AugAssign) and parent.target is use
        ):
            return True
    return False


def _evaluate(module: Module, expr: ast.expr, depth: int = 0, *, is_number: bool) -> Any:
    if depth > 50:
        raise NotConstantError("nested too deeply")

    def inner(part: ast.expr) -> Any:
        return _evaluate(module, part, depth + 1, is_number=is_number)

    if isinstance(expr, ast.Constant):
        return expr.value
    if isinstance(expr, ast.List | ast.Tuple | ast.Set):
        items: list[Any] = []
        for item in expr.elts:
            if isinstance(item, ast.Starred):
                items.extend(inner(item.value))
            else:
                items.append(inner(item))
        return {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(expr)](items)
    if isinstance(expr, ast.Dict):
        return _dict(expr, inner)
    if isinstance(expr, ast.UnaryOp) and type(expr.op) in _UNARY:
        return _UNARY[type(expr.op)](inner(expr.operand))
    if isinstance(expr, ast.BinOp) and type(expr.op) in _BINARY:
        return _binary(expr, inner)
    if isinstance(expr, ast.Subscript) and not isinstance(expr.slice, ast.Slice):
        return inner(expr.value)[inner(expr.slice)]
    if isinstance(expr, ast.Name):
        if expr.id in ("int", "float", "bool", "str") and not module.names.bindings(expr):
            return _BUILTINS[expr.id]
        binding = module.names.only_binding(expr)
        if binding is None or binding.value is None or is_mutated(module, expr):
            raise NotConstantError(f"{expr.id} is not assigned once")
        if _in_loop(module, binding.node):
            raise NotConstantError(f"{expr.id} is assigned in a loop")
        return inner(binding.value)
    if isinstance(expr, ast.Call):
        return _call(module, expr, inner, is_number=is_number)
    if isinstance(expr, ast.Attribute):
        dotted = module.names.dotted(expr) or ""
        if dotted in ("math.pi", "math.e", "math.inf", "numpy.pi", "numpy.e", "numpy.inf"):
            return getattr(math, expr.attr)
    raise NotConstantError(f"{type(expr).__name__} is not worked out")


def _in_loop(module: Module, node: ast.AST) -> bool:
    for above in module.names.enclosing(node):
        if isinstance(above, ast.For | ast.While | ast.AsyncFor):
            return True
        if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return False
    return False


def _dict(expr: ast.Dict, inner: Callable[[ast.expr], Any]) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    for key, value in zip(expr.keys, expr.values, strict=True):
        if key is None:
            result.update(inner(value))
        else:
            result[inner(key)] = inner(value)
    return result


def _binary(expr: ast.BinOp, inner: Callable[[ast.expr], Any]) -> Any:
    left, right = inner(expr.left), inner(expr.right)
    if isinstance(expr.op, ast.Mod) and not isinstance(left, int | float):
        raise NotConstantError("a formatted text")  # its width could be anything
    if isinstance(expr.op, ast.Pow) and (abs(left) > 1e6 or abs(right) > 300):
        raise NotConstantError("a large power")
    if isinstance(expr.op, ast.Mult):
        for one, other in ((left, right), (right, left)):
            if isinstance(one, list | tuple | str) and len(one) * other > _LARGEST:
                raise NotConstantError("a large container")
    return _BINARY[type(expr.op)](left, right)


def _call(
    module: Module, expr: ast.Call, inner: Callable[[ast.expr], Any], *, is_number: bool
) -> Any:
    if any(isinstance(arg, ast.Starred) for arg in expr.args):
        raise NotConstantError("a call with *args")
    if any(keyword.arg is None for keyword in expr.keywords):
        raise NotConstantError("a call with **kwargs")
    args = [inner(arg) for arg in expr.args]
    kwargs = {keyword.arg: inner(keyword.value) for keyword in expr.keywords if keyword.arg}
    home, _, name = (module.names.dotted(expr.func) or "").rpartition(".")
    if is_number and home == "numpy" and not kwargs and _is_plain(name, args):
        return getattr(math, name)(*args)
    function = _function(module, expr.func, inner)
    if function is range and len(range(*args)) > _LARGEST:
        raise NotConstantError("a large range")
    if _length(expr, args, kwargs) > _LARGEST:
        raise NotConstantError("a large array")
    result = function(*args, **kwargs)
    if getattr(result, "size", 0) > _LARGEST:
        raise NotConstantError("a large array")
    return result


def _is_plain(name: str, args: list[Any]) -> bool:
    """Tell whether `math` has a number for a call of NumPy's, which is never NaN or infinity."""
    if name not in _PLAIN or len(args) != 1 or type(args[0]) not in (int, float):
        return False
    return bool(0 < args[0] < (_BIG if name == "exp" else math.inf))


def _length(expr: ast.Call, args: list[Any], kwargs: dict[str, Any]) -> float:
    """Return how many elements a function of NumPy's would make, before it makes them."""
    name = getattr(expr.func, "attr", "")
    if name in ("linspace", "logspace", "geomspace"):
        return float(args[2] if len(args) > 2 else kwargs.get("num", 50))
    if name == "arange":
        start, stop, step = [0, args[0], 1] if len(args) == 1 else [*args[:3], 1][:3]
        step = kwargs.get("step", step)
        return float(abs((kwargs.get("stop", stop) - kwargs.get("start", start)) / step))
    return 0


def _function(
    module: Module, func: ast.expr, inner: Callable[[ast.expr], Any]
) -> Callable[..., Any]:
    if isinstance(func, ast.Name) and func.id in _BUILTINS and not module.names.bindings(func):
        return _BUILTINS[func.id]
    home, _, name = (module.names.dotted(func) or "").rpartition(".")
    if home == "math" and name in _MATH:
        return getattr(math, name)  # type: ignore[no-any-return]  # one of the functions
    if home == "numpy" and name in _NUMPY:
        try:
            import numpy
        except ModuleNotFoundError as exc:
            if exc.name != "numpy":
                raise
            raise NotConstantError("numpy is not installed") from exc

        return getattr(numpy, name)  # type: ignore[no-any-return]  # one of the functions
    if isinstance(func, ast.Attribute) and func.attr in _METHODS:
        return getattr(inner(func.value), func.attr)  # type: ignore[no-any-return]  # a method
    raise NotConstantError("a call of an unknown function")
