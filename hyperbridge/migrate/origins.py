"""Where a value may come from: the expressions and places from which it reaches an expression."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

from hyperbridge.migrate.program import FUNCTIONS, Program, Slot

_PASSED_ON = ("list", "tuple", "sorted", "reversed", "iter", "set")
Path = tuple[object, ...]
_DEEPEST = 6
_MOST = 5_000


@dataclass(slots=True)
class Origins:
    """What a value may come from.

    Attributes:
        exprs: Expressions that make it.
        slots: Places on the way that hold the value itself.
    """

    exprs: set[ast.expr] = field(default_factory=set)
    slots: set[Slot] = field(default_factory=set)


def origins(program: Program, expr: ast.expr, path: Path = ()) -> Origins:
    """Return where the value of an expression, or of elements of it, may come from."""
    found = Origins()
    seen: set[tuple[ast.expr, Path]] = set()
    waiting = [(expr, path)]
    while waiting:
        current = waiting.pop()
        if current in seen or len(current[1]) > _DEEPEST:
            continue
        seen.add(current)
        if len(seen) > _MOST:  # values that go round through containers; what is left is unknown
            found.exprs |= {part for part, _ in waiting}
            break
        _trace(program, *current, found, waiting)
    return found


def _trace(
    program: Program,
    expr: ast.expr,
    path: Path,
    found: Origins,
    waiting: list[tuple[ast.expr, Path]],
) -> None:
    """Take one step back; what comes next is added to what waits."""

    def go(part: ast.expr, way: Path = path) -> None:
        waiting.append((part, way))

    if isinstance(expr, ast.Name | ast.Attribute):
        slot = program.slot(expr)
        if slot is None:
            found.exprs.add(expr)
            return
        if not path:
            found.slots.add(slot)
        for flow in program.flows.get(slot, ()):
            go(flow.expr, (*flow.path, *path))
        if path:
            for flow in program.stores.get(slot, ()):
                go(flow.expr, (*flow.path, *path[1:]))
        if slot.scope is not None and isinstance(slot.scope.node, FUNCTIONS):
            default = program.default(slot.scope.node, slot.name)
            if default is not None:
                go(default)
    elif isinstance(expr, ast.IfExp):
        go(expr.body)
        go(expr.orelse)
    elif isinstance(expr, ast.BoolOp):
        for value in expr.values:
            go(value)
    elif isinstance(expr, ast.NamedExpr | ast.Starred | ast.Await):
        go(expr.value)
    elif isinstance(expr, ast.Subscript):
        key = expr.slice.value if isinstance(expr.slice, ast.Constant) else "*"
        go(expr.value, (key, *path))
    elif isinstance(expr, ast.Call):
        _trace_call(program, expr, path, found, go)
    elif not path:
        found.exprs.add(expr)
    elif isinstance(expr, ast.Dict):
        for key_expr, value in zip(expr.keys, expr.values, strict=True):
            if key_expr is None:
                go(value)
            elif path[0] == "*" or getattr(key_expr, "value", path[0]) == path[0]:
                go(value, path[1:])
    elif isinstance(expr, ast.List | ast.Tuple | ast.Set):
        for index, value in enumerate(expr.elts):
            if path[0] in ("*", index):
                go(value, path[1:])
    elif isinstance(expr, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        go(expr.elt, path[1:])
    elif isinstance(expr, ast.DictComp):
        go(expr.value, path[1:])


def _trace_call(
    program: Program,
    call: ast.Call,
    path: Path,
    found: Origins,
    go: Callable[[ast.expr, Path], None],
) -> None:
    func = call.func
    functions = program.function(func)
    is_made = any(getattr(f, "name", "") == "__init__" for f in functions)
    if functions and not is_made:
        for function in functions:
            for returned in program.returns.get(function, ()):
                value = returned.body if isinstance(returned, ast.Lambda) else returned.value
                if value is not None:
                    go(value, path)
            for made in program.yields.get(function, ()) if path else ():
                if made.value is not None:
                    go(made.value, path[1:])
        return
    first = path[0] if path else None
    fields = program.fields(func) if isinstance(first, int) and not functions else []
    if isinstance(first, int) and fields:
        named = {k.arg: k.value for k in call.keywords}
        given = dict(zip(fields, call.args, strict=False)) | named
        value = given.get(fields[first]) if first < len(fields) else None
        if value is not None:
            go(value, path[1:])
        return
    name = func.attr if isinstance(func, ast.Attribute) else ""
    plain = func.id if isinstance(func, ast.Name) else ""
    if path and isinstance(func, ast.Attribute) and name in ("items", "values", "copy"):
        way = path[2:] if name == "items" else path[1:]
        if name != "items" or path[1:2] == (1,):
            go(func.value, ("*", *way))
    elif isinstance(func, ast.Attribute) and name in ("get", "pop") and call.args:
        go(func.value, ("*", *path))
        for default in call.args[1:]:
            go(default, path)
    elif call.args and program.dotted(func) in ("copy.copy", "copy.deepcopy"):
        go(call.args[0], path)
    elif plain == "dict" and path:
        for keyword in call.keywords:
            if keyword.arg is None:
                go(keyword.value, path)
            elif path[0] in ("*", keyword.arg):
                go(keyword.value, path[1:])
        for arg in call.args:
            go(arg, path)
    elif plain == "enumerate" and path[1:2] == (1,):
        go(call.args[0], ("*", *path[2:]))
    elif plain == "zip" and len(path) > 1 and isinstance(path[1], int):
        if path[1] < len(call.args):
            go(call.args[path[1]], ("*", *path[2:]))
    elif plain in _PASSED_ON and path and call.args:
        go(call.args[0], path)
    elif plain == "next" and call.args:
        go(call.args[0], ("*", *path))
    elif not path:
        found.exprs.add(call)
