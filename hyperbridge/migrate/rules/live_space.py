"""What built a space in the program goes when the live space has been written in its place.

Statements go that make hyperopt's expressions, or put them together; a loop or a branch goes
when nothing is left in it. Anything else that touches them keeps the search as it is.
"""

from __future__ import annotations

import ast

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.scopes import Binding
from hyperbridge.migrate.search import Search

_BUILDERS = ("hp", "scope", "pyll", "as_apply")
_CHANGES = ("update", "append", "extend", "insert", "setdefault")


def read(search: Search) -> set[ast.stmt]:
    """Return the statements that only build the space; block the search when others use it."""
    module = search.module
    removed: set[ast.stmt] = set()
    tainted: dict[Binding, None] = {}  # in the order in which they are found
    for node in module.walk():
        name = module.hyperopt(node)
        if name is not None and name.partition(".")[0] in _BUILDERS:
            _take(search, node, removed, tainted)
    changed = True
    while changed and not search.is_blocked:
        before = len(removed), len(tainted)
        for binding in list(tainted):
            for use in module.names.uses(binding):
                if use not in search.claimed and not _is_inside(module, use, removed):
                    _take_use(search, use, removed, tainted)
        changed = before != (len(removed), len(tainted))
    _take_empty_blocks(module, removed)
    return removed


def _is_inside(module: Module, node: ast.AST, removed: set[ast.stmt]) -> bool:
    return any(above in removed for above in module.names.enclosing(node))


def _take(
    search: Search, node: ast.AST, removed: set[ast.stmt], tainted: dict[Binding, None]
) -> None:
    """Take the statement that makes an expression, or the whole function that returns it."""
    module = search.module
    statement = module.names.statement(node)
    if statement is search.statement:
        return
    outer: ast.stmt = statement
    for above in module.names.enclosing(statement):
        if isinstance(above, ast.FunctionDef) and above not in module.names.enclosing(search.call):
            outer = above
    removed.add(outer)
    tainted.update(dict.fromkeys(_bound_by(module, outer)))


def _take_use(
    search: Search, use: ast.Name, removed: set[ast.stmt], tainted: dict[Binding, None]
) -> None:
    module = search.module
    statement = module.names.statement(use)
    call = statement.value if isinstance(statement, ast.Expr) else None
    is_change = (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.attr in _CHANGES
    )
    if statement is search.statement:
        search.block(use, f"{use.id!r} is used here beside the search")
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign) or is_change:
        _take(search, statement, removed, tainted)
    else:
        search.block(use, f"{use.id!r} is used here in a way that has no counterpart")


def _bound_by(module: Module, statement: ast.stmt) -> list[Binding]:
    """Return the variables that a statement assigns, defines or puts something into."""
    scope = module.names.scope_of[statement]
    if isinstance(statement, ast.FunctionDef):
        return [b for b in scope.bindings[statement.name] if b.node is statement]
    found: list[Binding] = []
    targets: list[ast.AST] = []
    if isinstance(statement, ast.Assign):
        targets = list(statement.targets)
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        targets = [statement.value.func]
    for target in targets:
        while isinstance(target, ast.Subscript | ast.Attribute):
            target = target.value
        parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
        for part in parts:
            if isinstance(part, ast.Name):
                found += module.names.bindings(part)
    return found


def _take_empty_blocks(module: Module, removed: set[ast.stmt]) -> None:
    changed = True
    while changed:
        changed = False
        for node in module.walk():
            if isinstance(node, ast.For | ast.While | ast.If | ast.With) and node not in removed:
                inside = [*node.body, *getattr(node, "orelse", [])]
                if all(statement in removed for statement in inside):
                    removed.add(node)
                    changed = True
