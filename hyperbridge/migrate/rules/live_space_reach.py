"""Which expressions of hyperopt's reach the space of a search, and which code only builds it."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from typing import TypeGuard

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.scopes import Binding
from hyperbridge.migrate.search import Search

CHANGES = ("update", "append", "extend", "insert", "setdefault")
_READS = ("items", "keys", "values", "copy", "get", "format", "join", "split", "lower", "upper")
_NOISY = ("print", "input", "open", "exec", "eval", "setattr", "delattr", "next", "__import__")
_BUILDERS = ("hp", "scope", "pyll", "as_apply")


def builders_of(search: Search) -> list[ast.AST]:
    """Return the expressions of hyperopt's from which the search's space is put together."""
    module = search.module
    found: dict[ast.AST, None] = {}
    seen: set[Binding] = set()
    waiting: list[ast.AST] = [search.arguments["space"]]
    while waiting:
        for node in ast.walk(waiting.pop()):
            name = module.hyperopt(node)
            if name is not None and name.partition(".")[0] in _BUILDERS:
                found[node] = None
            elif isinstance(node, ast.Name):
                for binding in module.names.bindings(node):
                    if binding not in seen:
                        seen.add(binding)
                        waiting += _sources(module, binding)
    return list(found)


def _sources(module: Module, binding: Binding) -> Iterator[ast.AST]:
    """Yield the code that gives a variable its value, and what is put into it later."""
    node = binding.node
    if isinstance(node, ast.ClassDef) or binding.kind in ("import", "argument"):
        return
    if isinstance(node, ast.For | ast.comprehension):
        yield node.iter
    elif isinstance(node, ast.FunctionDef | ast.Assign | ast.AnnAssign | ast.AugAssign):
        yield node
    elif isinstance(node, ast.Tuple | ast.List):  # names in a row: what they are taken from
        above = module.names.parent_of[node]
        yield above.iter if isinstance(above, ast.For | ast.comprehension) else above
    for use in module.names.uses(binding):
        statement = module.names.statement(use)
        if changed_by(statement) is use:
            yield statement


def changed_by(statement: ast.stmt) -> ast.expr | None:
    """Return the variable that a statement puts something into, such as ``x`` in ``x[0] = 1``."""
    target: ast.expr | None = None
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        target = statement.target
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        func = statement.value.func
        if isinstance(func, ast.Attribute) and func.attr in CHANGES:
            target = func.value
    while isinstance(target, ast.Subscript):
        target = target.value
    return target


class Effects:
    """Tells what does more than give a value.

    Args:
        module: Where the code is.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._builds: dict[ast.FunctionDef, bool] = {}

    def only_builds(self, function: ast.FunctionDef) -> bool:
        """Tell whether a function does nothing but put something together and return it."""
        if function not in self._builds:
            self._builds[function] = True  # as far as it calls itself
            scopes = self._module.names.scope_of.values()
            own = next((scope for scope in scopes if scope.node is function), None)
            self._builds[function] = (
                not function.decorator_list
                and not (own is not None and own.outer)
                and all(self._is_part(function, statement) for statement in function.body)
            )
        return self._builds[function]

    def is_quiet(self, node: ast.AST) -> bool:
        """Tell whether nothing is called that may do more than give a value.

        Args:
            node: An expression, or a statement: the change that it makes itself is not meant.
        """
        own = node.value if isinstance(node, ast.Expr) else None
        return all(
            part is own or self._gives_a_value(part.func)
            for part in ast.walk(node)
            if isinstance(part, ast.Call)
        )

    def _is_part(self, function: ast.FunctionDef, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.Pass | ast.Continue | ast.Break | ast.Import | ast.ImportFrom):
            return True
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            return True
        if isinstance(statement, ast.FunctionDef):
            return self.only_builds(statement)
        if isinstance(statement, ast.For | ast.If):
            head = statement.iter if isinstance(statement, ast.For) else statement.test
            inner = [*statement.body, *statement.orelse]
            return self.is_quiet(head) and all(self._is_part(function, part) for part in inner)
        if isinstance(statement, ast.Return):
            return statement.value is None or self.is_quiet(statement.value)
        target = changed_by(statement)
        return self._is_local(function, target) and self.is_quiet(statement)

    def _is_local(self, function: ast.FunctionDef, target: ast.expr | None) -> bool:
        return are_names(target) and all(
            binding.scope.node is function and binding.kind != "argument"
            for name in ast.walk(target)
            if isinstance(name, ast.Name)
            for binding in self._module.names.bindings(name)
        )

    def _gives_a_value(self, func: ast.expr) -> bool:
        names = self._module.names
        if self._module.hyperopt(func) is not None or names.dotted(func) is not None:
            return True
        if isinstance(func, ast.Attribute):
            return func.attr in _READS
        if not isinstance(func, ast.Name):
            return False
        found = names.bindings(func)
        if not found:
            return hasattr(builtins, func.id) and func.id not in _NOISY
        return all(isinstance(b.node, ast.FunctionDef) and self.only_builds(b.node) for b in found)


def are_names(target: ast.expr | None) -> TypeGuard[ast.expr]:
    """Tell whether a target is a name, or names in a row."""
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    return all(isinstance(part, ast.Name) for part in parts)
