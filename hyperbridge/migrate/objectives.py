"""The objective: how it takes its parameters and what it returns. Source: hyperopt.base.Domain."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from hyperbridge.migrate.nodes import entries_of, walk
from hyperbridge.migrate.program import Program
from hyperbridge.migrate.reading import Search

Returned = Literal["number", "dict", "unknown"]

_NUMERIC_HOMES = ("numpy", "math", "scipy", "statistics", "sklearn")
_NUMERIC_BUILTINS = ("float", "int", "abs", "sum", "len", "round", "min", "max", "pow")
_NUMERIC_METHODS = ("mean", "sum", "min", "max", "item", "std", "var", "count", "score")
_STATUS = {"STATUS_OK": "ok", "STATUS_FAIL": "fail"}


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One ``return {"loss": ..., ...}`` of an objective.

    Attributes:
        node: The return statement, or a lambda's body.
        loss: The loss; None in a failed result.
        status: ``ok`` or ``fail``.
        extras: The other entries.
    """

    node: ast.Return | ast.expr
    loss: ast.expr | None
    status: str
    extras: tuple[tuple[str, ast.expr], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """What fmin minimises.

    Attributes:
        expr: fmin's argument.
        function: The function or lambda when it may be rewritten to take a trial; else None.
        results: Its returned dicts.
        returned: What it returns when it is called.
        is_read: Whether all that it returns is among the results.
    """

    expr: ast.expr
    function: ast.FunctionDef | ast.Lambda | None
    results: tuple[Result, ...]
    returned: Returned
    is_read: bool = False


def read_objective(program: Program, search: Search) -> Objective:
    """Read the objective of a search."""
    expr = search.arguments["fn"]
    if isinstance(expr, ast.Lambda):
        result = _result(program, expr.body, expr.body)
        plain = len(expr.args.args) == 1 and not expr.args.defaults and not expr.args.vararg
        gives = "dict" if result else kind_of(program, expr.body, set())
        alone = () if result is None else (result,)
        return Objective(expr, expr if plain else None, alone, gives)
    functions = program.function(_without_partial(program, expr))
    if len(functions) != 1 or not isinstance(functions[0], ast.FunctionDef):
        return Objective(expr, None, (), "unknown")
    function = functions[0]
    if function.name == "__init__":
        return Objective(expr, None, (), "unknown")
    returns = list(own_returns(function))
    results = [_result(program, r, r.value) for r in returns]
    kinds: set[Returned] = {
        "dict" if result is not None else kind_of(program, r.value, set())
        for r, result in zip(returns, results, strict=True)
    }
    returned = kinds.pop() if len(kinds) == 1 else "unknown"
    readable = returned == "number" or all(r is not None for r in results)
    is_mine = isinstance(expr, ast.Name) and not program.is_method(function)
    is_mine = is_mine and _is_used_here_only(program, search, function, expr)  # type: ignore[arg-type]  # a Name
    if function.decorator_list:
        return Objective(expr, None, (), "unknown")
    may_go = readable and bool(returns) and is_mine and _is_simple(function)
    may_go = may_go and all(_fits(program, r) for r in results if r is not None)
    found = tuple(r for r in results if r is not None)
    is_read = bool(found) and len(found) == len(results)
    return Objective(expr, function if may_go else None, found, returned, is_read)


def _without_partial(program: Program, expr: ast.expr) -> ast.expr:
    if isinstance(expr, ast.Call) and program.dotted(expr.func) == "functools.partial":
        return _without_partial(program, expr.args[0]) if expr.args else expr
    return expr


def _is_used_here_only(
    program: Program, search: Search, function: ast.FunctionDef, expr: ast.Name
) -> bool:
    slot = program.slot(expr)
    if slot is None or slot.scope is None or program.home[function] is not search.module:
        return False
    bindings = slot.scope.bindings.get(slot.name, [])
    return len(program.uses.get(slot, ())) == 1 and len(bindings) == 1


def _is_simple(function: ast.FunctionDef) -> bool:
    args = function.args
    required = len(args.posonlyargs) + len(args.args) - len(args.defaults)
    return (
        required == 1
        and bool(args.args)
        and not args.posonlyargs
        and args.vararg is None
        and not any(isinstance(n, ast.Yield | ast.YieldFrom) for n in walk(function))
        and all(default is not None for default in args.kw_defaults)
    )


def own_returns(function: ast.AST) -> Iterator[ast.Return]:
    """Yield the return statements of a function, not those of functions inside it."""
    for child in ast.iter_child_nodes(function):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(child, ast.Return):
            yield child
        yield from own_returns(child)


def _result(program: Program, node: ast.Return | ast.expr, value: ast.expr | None) -> Result | None:
    entries = None if value is None else entries_of(value)
    if entries is None or ("loss" not in entries and "status" not in entries):
        return None
    status_expr = entries.pop("status", None)
    status = _status(program, status_expr)
    loss = entries.pop("loss", None)
    if status is None or (loss is None and status == "ok"):
        return None
    if status == "fail" and loss is not None:
        entries["loss"] = loss
    return Result(node, loss, status, tuple(entries.items()))


def _status(program: Program, expr: ast.expr | None) -> str | None:
    if expr is None:
        return "ok"
    if isinstance(expr, ast.Constant) and expr.value in _STATUS.values():
        return str(expr.value)
    return _STATUS.get(program.hyperopt(expr) or "")


def _fits(program: Program, result: Result) -> bool:
    """Tell whether a return can become several statements where it stands."""
    assert isinstance(result.node, ast.Return)
    module = program.home[result.node]
    return module.begins_line(result.node)


def kind_of(program: Program, value: ast.expr | None, seen: set[ast.AST]) -> Returned:
    """Return what an expression gives, as far as the program tells."""
    if value is None or value in seen:
        return "unknown"
    seen.add(value)
    if isinstance(value, ast.Dict | ast.DictComp):
        return "dict"
    if isinstance(value, ast.Constant):
        return "number" if isinstance(value.value, int | float) else "unknown"
    if isinstance(value, ast.UnaryOp | ast.Compare):
        return "number"
    if isinstance(value, ast.BinOp):
        return "unknown" if isinstance(value.op, ast.BitOr) else "number"
    if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name):
        slot = program.slot(value.value)
        bindings = [] if slot is None or slot.scope is None else slot.scope.bindings[slot.name]
        is_point = any(b.kind == "argument" for b in bindings)
        return "number" if is_point else "unknown"  # an entry of the point
    if isinstance(value, ast.IfExp):
        return _same(program, (value.body, value.orelse), seen)
    if isinstance(value, ast.NamedExpr):
        return kind_of(program, value.value, seen)
    if isinstance(value, ast.Name):
        slot = program.slot(value)
        flows = [] if slot is None else program.flows.get(slot, [])
        assigned = (ast.Assign, ast.AnnAssign, ast.AugAssign)
        if not flows or any(f.path or not isinstance(f.node, assigned) for f in flows):
            return "unknown"
        return _same(program, [f.expr for f in flows], seen)
    if isinstance(value, ast.Call):
        return _kind_of_call(program, value, seen)
    return "unknown"


def _same(program: Program, values: object, seen: set[ast.AST]) -> Returned:
    kinds = {kind_of(program, value, set(seen)) for value in values}  # type: ignore[attr-defined]  # expressions
    return kinds.pop() if len(kinds) == 1 else "unknown"


def _kind_of_call(program: Program, call: ast.Call, seen: set[ast.AST]) -> Returned:
    functions = program.function(call.func)
    if functions:
        kinds = {
            kind_of(program, r.body if isinstance(r, ast.Lambda) else r.value, seen)
            for f in functions
            for r in program.returns.get(f, ())
        }
        is_init = any(getattr(f, "name", "") == "__init__" for f in functions)
        return kinds.pop() if len(kinds) == 1 and not is_init else "unknown"
    if isinstance(call.func, ast.Name) and program.slot(call.func) is None:
        if call.func.id == "dict":
            return "dict"
        if call.func.id in _NUMERIC_BUILTINS:
            return "number"
        return "unknown"
    home = program.dotted(call.func).partition(".")[0]
    if home in _NUMERIC_HOMES:
        return "number"
    if isinstance(call.func, ast.Attribute) and call.func.attr in _NUMERIC_METHODS:
        return "number"
    return "unknown"
