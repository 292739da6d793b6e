"""Tell whether an expression of a program has something of hyperopt's in it."""

from __future__ import annotations

import ast

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.scopes import Binding


def uses_hyperopt(module: Module, expr: ast.AST) -> bool:
    """Tell whether an expression uses hyperopt, itself or through what its variables hold."""
    return _has_hyperopt(module, expr, set())


def _has_hyperopt(module: Module, expr: ast.AST, seen: set[int]) -> bool:
    """Tell whether an expression uses hyperopt, itself or through variables."""
    for node in ast.walk(expr):
        if module.hyperopt(node) is not None:
            return True
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        for binding in module.names.bindings(node):
            if id(binding) in seen:
                continue
            seen.add(id(binding))
            if _is_result(module, binding.value):
                continue
            if binding.value is not None and _has_hyperopt(module, binding.value, seen):
                return True
            if binding.value is not None and _gets_hyperopt(module, binding, seen):
                return True
            if binding.kind == "def" and _has_hyperopt(module, binding.node, seen):
                return _is_called(module, node)
    return False


def _is_result(module: Module, value: ast.expr | None) -> bool:
    """Tell whether a value comes out of a search: numbers, whatever the search is made of."""
    return isinstance(value, ast.Call) and module.hyperopt(value.func) in ("fmin", "space_eval")


def _gets_hyperopt(module: Module, binding: Binding, seen: set[int]) -> bool:
    """Tell whether something of hyperopt's is put into a container after its assignment."""
    names = module.names
    for use in names.uses(binding):
        parent = names.parent_of[use]
        stored = isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store)
        call = names.parent_of[parent]
        called = isinstance(call, ast.Call) and call.func is parent
        if (stored or called) and _has_hyperopt(module, names.statement(use), seen):
            return True
    return False


def _is_called(module: Module, node: ast.AST) -> bool:
    parent = module.names.parent_of[node]
    return isinstance(parent, ast.Call) and parent.func is node
