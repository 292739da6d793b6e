"""What built a space in the program goes when the live space has been written in its place.

Statements go that make hyperopt's expressions, or put them together; a loop or a branch goes
when nothing is left in it. Anything else that touches them keeps the search as it is.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.rules.live_space_reach import (
    Effects,
    are_names,
    builders_of,
    changed_by,
)
from hyperbridge.migrate.scopes import Binding
from hyperbridge.migrate.search import Search


def read(search: Search, searches: Sequence[Search]) -> set[ast.stmt]:
    """Return the statements that only build the space; block the search when others use it.

    Args:
        search: The search.
        searches: All of its file: they may take their spaces from the same code.
    """
    module = search.module
    removed: set[ast.stmt] = set()
    tainted: dict[Binding, None] = {}  # in the order in which they are found
    builders = builders_of(search)
    if not builders and any(_is_held(module, n) for n in ast.walk(search.arguments["space"])):
        text = module.text(search.arguments["space"])
        search.block(
            search.arguments["space"],
            f"the space comes from {text!r}, and where that is built the source does not tell:"
            " write the space out here",
        )
    for node in builders:
        _take(search, node, removed, tainted)
    changed = True
    while changed and not search.is_blocked:
        before = len(removed), len(tainted)
        for binding in list(tainted):
            for use in module.names.uses(binding):
                if use not in search.claimed and not _is_inside(module, use, removed):
                    _take_use(search, use, removed, tainted, searches)
        changed = before != (len(removed), len(tainted))
    _take_empty_blocks(module, removed)
    return removed


def _is_held(module: Module, node: ast.AST) -> bool:
    """Tell whether a name stands for something of this file, not for an import."""
    if not isinstance(node, ast.Name):
        return False
    return any(binding.kind != "import" for binding in module.names.bindings(node))


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
    around = list(module.names.enclosing(search.call))
    for above in module.names.enclosing(statement):
        if isinstance(above, ast.FunctionDef | ast.ClassDef) and above not in around:
            outer = above
    if isinstance(outer, ast.ClassDef):
        search.block(node, f"the space is built in the class {outer.name}: write it out")
        return
    if isinstance(outer, ast.FunctionDef):
        is_method = isinstance(module.names.parent_of[outer], ast.ClassDef)
        if is_method or not Effects(module).only_builds(outer):
            search.block(node, f"the space is built in {outer.name}, which does more: write it out")
            return
    elif isinstance(outer, ast.For | ast.While | ast.If | ast.With | ast.Return):
        search.block(node, "the space is built here in a larger statement: write it out")
        return
    elif not are_names(changed_by(outer)) or not Effects(module).is_quiet(outer):
        search.block(node, "this statement does more than build the space: write it out")
        return
    removed.add(outer)
    tainted.update(dict.fromkeys(_bound_by(module, outer)))


def _take_use(
    search: Search,
    use: ast.Name,
    removed: set[ast.stmt],
    tainted: dict[Binding, None],
    searches: Sequence[Search],
) -> None:
    module = search.module
    statement = module.names.statement(use)
    for other in searches:
        if other is not search and (use in other.claimed or statement is other.statement):
            if other.is_live:
                search.shares_builders.append(other)
            else:
                search.block(
                    use, f"{use.id!r} is used here by another search: give each its own space"
                )
            return
    if statement is search.statement:
        search.block(use, f"{use.id!r} is used here beside the search")
    elif changed_by(statement) is not None:
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
    effects = Effects(module)
    changed = True
    while changed:
        changed = False
        for node in module.walk():
            if isinstance(node, ast.For | ast.While | ast.If) and node not in removed:
                head = node.iter if isinstance(node, ast.For) else node.test
                inside = [*node.body, *node.orelse]
                if effects.is_quiet(head) and all(statement in removed for statement in inside):
                    removed.add(node)
                    changed = True
