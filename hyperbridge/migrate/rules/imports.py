"""hyperopt's imports go where nothing is left that needs them; the engine's come instead."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable

from hyperbridge.migrate.module import Module, hyperopt_name
from hyperbridge.migrate.placing import remove_statements


def statements(module: Module) -> list[ast.Import | ast.ImportFrom]:
    """Return the statements that import hyperopt or hyperbridge, in the order of the source."""
    found = [
        node
        for node in module.walk()
        if isinstance(node, ast.Import | ast.ImportFrom) and _is_ours(node)
    ]
    return sorted(found, key=lambda node: node.lineno)


def _is_ours(node: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level == 0 and hyperopt_name(f"{node.module}.x") is not None
    return any(hyperopt_name(f"{alias.name}.x") is not None for alias in node.names)


def rewrite(module: Module, gone: Collection[ast.AST], needed: Iterable[str]) -> None:
    """Remove what is not needed any more, and add what is.

    Args:
        module: The module.
        gone: The names whose uses are rewritten or removed.
        needed: Import statements for the new code.
    """
    place: ast.stmt | None = None
    removed: list[ast.stmt] = []
    for node in statements(module):
        kept = [alias for alias in node.names if not _is_unused(module, node, alias, gone)]
        if len(kept) == len(node.names):
            continue
        if place is None and module.names.scope_of[node] is module.names.module:
            parent = module.names.parent_of[node]
            place = node if isinstance(parent, ast.Module) else None
        if kept:
            _shorten(module, node, kept)
        else:
            removed.append(node)
    new = [line for line in _sorted(needed) if not _has(module, line)]
    newline = module.source.newline
    standard = [line for line in new if _group(line) == 0]
    if standard and place is not None:
        _add_at_top(module, standard)
        new = [line for line in new if line not in standard]
    if place is None:
        _add_at_top(module, new)
    elif new:
        start, end = module.span(place)
        text = newline.join(new)
        if place in removed:
            module.edits.replace(start, end, text)
            removed.remove(place)
        else:
            module.edits.insert(module.line_start(start), text + newline)
    remove_statements(module, removed)


def _sorted(needed: Iterable[str]) -> list[str]:
    return sorted(set(needed), key=lambda line: (_group(line), line.startswith("from"), line))


def _group(line: str) -> int:
    return 0 if line.split()[1] in ("math", "statistics", "os", "pathlib") else 1


def _has(module: Module, line: str) -> bool:
    wanted = ast.parse(line).body[0]
    return any(
        ast.dump(node) == ast.dump(wanted)
        for node in module.tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    )


def _is_unused(
    module: Module,
    node: ast.Import | ast.ImportFrom,
    alias: ast.alias,
    gone: Collection[ast.AST],
) -> bool:
    if isinstance(node, ast.Import) and hyperopt_name(f"{alias.name}.x") is None:
        return False
    name = alias.asname or alias.name.partition(".")[0]
    scope = module.names.scope_of[node].find(name)
    uses = [] if scope is None else scope.uses.get(name, [])
    return all(use in gone for use in uses)


def _shorten(module: Module, node: ast.Import | ast.ImportFrom, kept: list[ast.alias]) -> None:
    names = ", ".join(a.name if a.asname is None else f"{a.name} as {a.asname}" for a in kept)
    head = f"from {node.module} import" if isinstance(node, ast.ImportFrom) else "import"
    module.edits.replace(*module.span(node), f"{head} {names}")


def _add_at_top(module: Module, lines: list[str]) -> None:
    if not lines:
        return
    body = module.tree.body
    position = 0
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        position = 1
    while position < len(body):
        node = body[position]
        if not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            break
        position += 1
    newline = module.source.newline
    if position == len(body):
        return
    start = module.line_start(module.span(body[position])[0])
    module.edits.insert(start, newline.join(lines) + newline)
