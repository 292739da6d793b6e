"""Calls of functions that a table holds: ``SPACES[name]()``, ``for make in makers: make()``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hyperbridge.migrate.elements import Path, container_of
from hyperbridge.migrate.nodes import Function
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.program import Program


def follow(program: Program) -> None:
    """Have a program know which functions run when what a container holds is called."""
    for module in program.modules:
        for node in module.of_kind(ast.Call):
            if _is_held(program, node.func):
                found = _functions(program, node.func)
                if any(isinstance(f, ast.FunctionDef) for f in found):  # not of lambdas alone
                    program.called(node, found)


def _is_held(program: Program, func: ast.expr) -> bool:
    """Tell whether a function comes out of a container, or is chosen by an expression."""
    if isinstance(func, ast.IfExp | ast.Subscript):
        return True
    if isinstance(func, ast.Call) and container_of(func) is not None:
        return all(isinstance(default, ast.Name) for default in func.args[1:])
    slot = program.slot(func) if isinstance(func, ast.Name) else None
    flows = [] if slot is None or program.function(func) else program.flows.get(slot, [])
    return any(
        flow.path or isinstance(flow.expr, ast.IfExp) or container_of(flow.expr) is not None
        for flow in flows
        if not isinstance(flow.node, ast.Call)
    )


def _functions(program: Program, func: ast.expr) -> list[Function]:
    """Return all functions of the table: what is done to one of them is done to all."""
    found: dict[Function, None] = {}
    for expr, path in _places(program, func):
        traced = origins(program, expr, path)
        found.update((f, None) for each in traced.exprs for f in program.function(each))
        for slot in traced.slots:
            bindings = [] if slot.scope is None else slot.scope.bindings.get(slot.name, [])
            found.update((b.node, None) for b in bindings if isinstance(b.node, ast.FunctionDef))
    return list(found)


def _places(program: Program, func: ast.expr) -> Iterator[tuple[ast.expr, Path]]:
    container, slot = container_of(func), program.slot(func)
    if container is not None:
        yield container, ("*",)
        yield from ((default, ()) for default in getattr(func, "args", ())[1:])
    elif slot is None:
        yield func, ()
    for flow in program.flows.get(slot, ()) if slot is not None else ():
        if flow.path or container_of(flow.expr) is None:
            yield flow.expr, flow.path
        else:
            yield from _places(program, flow.expr)
