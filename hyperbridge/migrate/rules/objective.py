"""The objective: how it takes its parameters and what it returns. Source: hyperopt.base.Domain."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.search import Search

Returned = Literal["number", "dict", "unknown"]

_NUMERIC = ("numpy", "math", "scipy", "statistics", "sklearn")
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
        function: The function or lambda in this file, if it is one that may be rewritten.
        argument: The name of its parameter.
        results: Its returned dicts.
        returned: What it returns when it is called.
        fails: Whether it may return the status ``fail``.
        has_extras: Whether its dicts may hold more than loss and status.
    """

    expr: ast.expr
    function: ast.FunctionDef | ast.Lambda | None
    argument: str
    results: tuple[Result, ...]
    returned: Returned
    fails: bool
    has_extras: bool = True


def read(search: Search) -> Objective | None:
    """Read the objective; None when the call has none."""
    expr = search.arguments.get("fn")
    if expr is None:
        return None
    module = search.module
    if isinstance(expr, ast.Lambda) and len(expr.args.args) == 1 and not expr.args.defaults:
        result = read_result(module, expr.body, expr.body)
        gives: Returned = "dict" if result else _kind(module, expr.body, expr, set())
        alone = () if result is None else (result,)
        return Objective(expr, expr, expr.args.args[0].arg, alone, gives, _fails(module, expr))
    definition = function_of(module, expr)
    if definition is None:
        if isinstance(expr, ast.Lambda):
            search.block(expr, "the objective takes more than one argument")
        target = _behind(module, expr)
        fails = target is None or _fails(module, target)
        extras = target is None or _has_extras(module, target)
        return Objective(
            expr, None, "params", (), _kind_of_call(module, expr, set()), fails, extras
        )
    if _takes_control(module, definition):
        search.block(definition, "the objective takes expr, memo and ctrl: let it take a trial")
    returns = list(own_returns(definition))
    results = [read_result(module, r, r.value) for r in returns if r.value is not None]
    found = tuple(result for result in results if result is not None)
    kinds: set[Returned] = {
        "dict" if result is not None else _kind(module, r.value, definition, set())
        for r, result in zip([r for r in returns if r.value is not None], results, strict=True)
    }
    rewritable = (
        _is_simple(definition)
        and isinstance(expr, ast.Name)
        and len(module.names.uses(module.names.bindings(expr)[0])) == 1
        and kinds <= {"number", "dict"}
        and len(found) == sum(1 for r in returns if _may_be_dict(module, r.value, definition))
        and all(_fits(module, result) for result in found)
    )
    returned: Returned = "unknown"
    if len(kinds) == 1:
        returned = kinds.pop()
    return Objective(
        expr,
        definition if rewritable else None,
        definition.args.args[0].arg if definition.args.args else "params",
        found,
        returned,
        _fails(module, definition),
        _has_extras(module, definition),
    )


def _has_extras(module: Module, definition: ast.FunctionDef) -> bool:
    results = [read_result(module, r, r.value) for r in own_returns(definition)]
    return any(result is None or bool(result.extras) for result in results)


def function_of(module: Module, expr: ast.expr) -> ast.FunctionDef | None:
    """Return the definition that a name stands for, if there is just one in the file."""
    binding = module.names.only_binding(expr)
    return binding.node if binding and isinstance(binding.node, ast.FunctionDef) else None


def _is_simple(definition: ast.FunctionDef) -> bool:
    args = definition.args
    required = len(args.posonlyargs) + len(args.args) - len(args.defaults)
    return (
        not definition.decorator_list
        and required == 1
        and bool(args.args)
        and not args.posonlyargs
        and args.vararg is None
        and all(default is not None for default in args.kw_defaults)
    )


def _takes_control(module: Module, definition: ast.FunctionDef) -> bool:
    return any(
        module.hyperopt(decorator) == "fmin_pass_expr_memo_ctrl"
        for decorator in definition.decorator_list
    )


def own_returns(definition: ast.AST) -> Iterator[ast.Return]:
    """Yield the return statements of a function, not those of functions inside it."""
    for child in ast.iter_child_nodes(definition):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(child, ast.Return):
            yield child
        yield from own_returns(child)


def read_result(
    module: Module, node: ast.Return | ast.expr, value: ast.expr | None
) -> Result | None:
    """Read a returned dict that is written out; None for anything else."""
    entries = _entries(module, value)
    if entries is None or ("loss" not in entries and "status" not in entries):
        return None
    status_expr = entries.pop("status", None)
    status = status_of(module, status_expr)
    loss = entries.pop("loss", None)
    if status is None or (loss is None and status == "ok"):
        return None
    return Result(node, loss, status, tuple(entries.items()))


def status_of(module: Module, expr: ast.expr | None) -> str | None:
    """Return the status that an expression stands for; None when it is computed."""
    if expr is None:
        return "ok"
    if isinstance(expr, ast.Constant) and expr.value in _STATUS.values():
        return str(expr.value)
    return _STATUS.get(module.hyperopt(expr) or "")


def _entries(module: Module, value: ast.expr | None) -> dict[str, ast.expr] | None:
    if isinstance(value, ast.Dict):
        entries: dict[str, ast.expr] = {}
        for key, entry in zip(value.keys, value.values, strict=True):
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                return None
            entries[key.value] = entry
        return entries
    if not isinstance(value, ast.Call) or not _is_dict_call(module, value) or value.args:
        return None
    if all(k.arg for k in value.keywords):
        return {str(k.arg): k.value for k in value.keywords}
    return None


def _is_dict_call(module: Module, value: ast.expr | None) -> bool:
    func = value.func if isinstance(value, ast.Call) else None
    return isinstance(func, ast.Name) and func.id == "dict" and not module.names.bindings(func)


def _fits(module: Module, result: Result) -> bool:
    """Tell whether a return can become several statements where it stands."""
    assert isinstance(result.node, ast.Return)
    return module.begins_line(result.node) or not result.extras


def _may_be_dict(module: Module, value: ast.expr | None, function: ast.AST) -> bool:
    return value is not None and _kind(module, value, function, set()) != "number"


def _kind(
    module: Module, value: ast.expr | None, function: ast.AST, seen: set[ast.AST]
) -> Returned:
    if isinstance(value, ast.Dict | ast.DictComp) or _is_dict_call(module, value):
        return "dict"
    if isinstance(value, ast.Name):
        kinds = {
            _kind(module, b.value, function, seen) if b.kind == "assign" else "number"
            for b in module.names.bindings(value)
        }
        return kinds.pop() if len(kinds) == 1 else "unknown"
    if isinstance(value, ast.IfExp):
        kinds = {_kind(module, part, function, seen) for part in (value.body, value.orelse)}
        return kinds.pop() if len(kinds) == 1 else "unknown"
    if isinstance(value, ast.Call):
        local = _kind_of_call(module, value.func, seen)
        if local != "unknown":
            return local
        is_unknown = _passes_parameters(value, function) and not _is_numeric(module, value.func)
        return "unknown" if is_unknown else "number"
    return "number"


def _is_numeric(module: Module, func: ast.expr) -> bool:
    if isinstance(func, ast.Name) and not module.names.bindings(func):
        return hasattr(builtins, func.id)
    return (module.names.dotted(func) or "").partition(".")[0] in _NUMERIC


def _kind_of_call(module: Module, func: ast.expr, seen: set[ast.AST]) -> Returned:
    """Return what calling something gives, as far as this file tells."""
    definition = _behind(module, func)
    if definition is None or definition in seen:
        return "unknown"
    seen.add(definition)
    kinds = {_kind(module, r.value, definition, seen) for r in own_returns(definition)}
    return kinds.pop() if len(kinds) == 1 else "unknown"


def _behind(module: Module, func: ast.expr) -> ast.FunctionDef | None:
    """Return the function that is called in the end: by name, as a method, through a partial."""
    if isinstance(func, ast.Call) and module.names.dotted(func.func) == "functools.partial":
        return _behind(module, func.args[0]) if func.args else None
    if isinstance(func, ast.Attribute):
        return _method(module, func)
    binding = module.names.only_binding(func)
    if binding is not None and isinstance(binding.value, ast.Call | ast.Attribute):
        return _behind(module, binding.value)
    return function_of(module, func)


def _method(module: Module, func: ast.Attribute) -> ast.FunctionDef | None:
    found = [
        node
        for node in module.walk()
        if isinstance(node, ast.FunctionDef)
        and node.name == func.attr
        and isinstance(module.names.parent_of[node], ast.ClassDef)
    ]
    return found[0] if len(found) == 1 else None


def _passes_parameters(call: ast.Call, function: ast.AST) -> bool:
    """Tell whether a call hands the objective's own argument on, as ``train(params)`` does."""
    arguments = getattr(function, "args", None)
    if arguments is None or not arguments.args:
        return False
    first = arguments.args[0].arg
    return any(isinstance(arg, ast.Name) and arg.id == first for arg in call.args)


def _fails(module: Module, function: ast.AST) -> bool:
    for node in ast.walk(function):
        if module.hyperopt(node) == "STATUS_FAIL":
            return True
        if isinstance(node, ast.Constant) and node.value == "fail":
            return True
    return False
