"""One step back from an expression that hands something on: what its value, or a part of it, is.

Source: Python reference, "Expressions"; Python library, "Mapping Types", "Built-in Functions".
"""

from __future__ import annotations

import ast

from hyperbridge.migrate.program import Program

Path = tuple[object, ...]
"""Which element of a value: its keys from the outside in, ``*`` for any; empty for all of it."""
_PASSED_ON = ("list", "tuple", "sorted", "reversed", "iter", "set")
_COPIES = ("copy.copy", "copy.deepcopy")


def parts_of(program: Program, expr: ast.expr, path: Path) -> list[tuple[ast.expr, Path]] | None:
    """Return what gives an element of a value, with the element of it; None where it is made.

    Calls of the program's own functions are not followed.
    """
    if isinstance(expr, ast.IfExp):
        return [(expr.body, path), (expr.orelse, path)]
    if isinstance(expr, ast.BoolOp):
        return [(value, path) for value in expr.values]
    if isinstance(expr, ast.NamedExpr | ast.Starred | ast.Await):
        return [(expr.value, path)]
    if isinstance(expr, ast.Subscript) and isinstance(expr.slice, ast.Slice):
        return [(expr.value, ("*", *path[1:]))] if path else None
    if isinstance(expr, ast.Subscript):
        key = expr.slice.value if isinstance(expr.slice, ast.Constant) else "*"
        return [(expr.value, (key, *path))]
    if isinstance(expr, ast.Call):
        return _of_call(program, expr, path)
    return _of_display(expr, path[0], path[1:]) if path else None


def container_of(expr: ast.AST) -> ast.expr | None:
    """Return the container of which an expression gives an element."""
    if isinstance(expr, ast.Subscript):
        return None if isinstance(expr.slice, ast.Slice) else expr.value
    if not isinstance(expr, ast.Call) or not expr.args:
        return None
    func = expr.func
    if isinstance(func, ast.Attribute) and func.attr in ("get", "pop"):
        return func.value
    return expr.args[0] if isinstance(func, ast.Name) and func.id == "next" else None


def _of_display(expr: ast.expr, first: object, rest: Path) -> list[tuple[ast.expr, Path]] | None:
    if isinstance(expr, ast.Dict):
        return [
            (value, (first, *rest) if key is None else rest)
            for key, value in zip(expr.keys, expr.values, strict=True)
            if first == "*" or not isinstance(key, ast.Constant) or key.value == first
        ]
    if isinstance(expr, ast.List | ast.Tuple | ast.Set):
        return [
            (value.value, ("*", *rest)) if isinstance(value, ast.Starred) else (value, rest)
            for index, value in enumerate(expr.elts)
            if first in ("*", index) or not isinstance(first, int) or isinstance(value, ast.Starred)
        ]
    if isinstance(expr, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        return [(expr.elt, rest)]
    if isinstance(expr, ast.DictComp):
        return [(expr.value, rest)]
    if isinstance(expr, ast.BinOp):
        return [(expr.left, (first, *rest)), (expr.right, (first, *rest))]
    return None


def _of_call(program: Program, call: ast.Call, path: Path) -> list[tuple[ast.expr, Path]] | None:
    func = call.func
    container = container_of(call)
    if container is not None:
        return [(container, ("*", *path)), *((default, path) for default in call.args[1:])]
    if call.args and program.dotted(func) in _COPIES:
        return [(call.args[0], path)]
    if not path:
        return None
    first, rest = path[0], path[1:]
    if isinstance(func, ast.Attribute):
        if func.attr == "items":
            return [(func.value, ("*", *rest[1:]))] if rest[:1] == (1,) else []  # else the keys
        if func.attr in ("values", "copy"):
            return [(func.value, ("*" if func.attr == "values" else first, *rest))]
        return None
    name = func.id if isinstance(func, ast.Name) and program.slot(func) is None else ""
    if name == "dict":
        named = [
            (k.value, path if k.arg is None else rest)
            for k in call.keywords
            if k.arg is None or first in ("*", k.arg)
        ]
        return [*named, *((arg, path) for arg in call.args)]
    if name == "enumerate":
        return [(call.args[0], ("*", *rest[1:]))] if rest[:1] == (1,) else []
    if name == "zip" and rest and isinstance(rest[0], int) and rest[0] < len(call.args):
        return [(call.args[rest[0]], ("*", *rest[1:]))]
    return [(call.args[0], path)] if name in _PASSED_ON and call.args else None
