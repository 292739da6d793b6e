"""hyperopt's imports go where nothing is left that needs them; the engine's come instead."""

from __future__ import annotations

import ast
import re
import sys
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
    needed = set(needed)
    needed -= _rewrite_guards(module, gone, needed)
    for node in statements(module):
        if module.edits.covers(*module.span(node)):
            continue
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
    removed += _left_without_use(module, gone, [*new, *needed])
    if place is None:
        _add_at_top(module, new)
    elif new:
        _add_among(module, place, new, removed)
    remove_statements(module, removed)


def _rewrite_guards(module: Module, gone: Collection[ast.AST], needed: set[str]) -> set[str]:
    """Have ``try: import hyperopt`` import the new engine; what failed stays without a value.

    Returns:
        The imports that stand in a guard then.
    """
    engine = "import optuna"
    done: set[str] = set()
    for node in module.tree.body:
        if not isinstance(node, ast.Try) or engine not in needed:
            continue
        ours = [n for n in statements(module) if n in node.body]
        if not ours or not all(
            _is_unused(module, n, alias, {*gone, *_stores(node)}) for n in ours for alias in n.names
        ):
            continue
        start, end = module.span(ours[0])
        module.edits.replace(start, end, engine)
        remove_statements(module, ours[1:])
        done.add(engine)
        bound = {alias.asname or alias.name.partition(".")[0] for n in ours for alias in n.names}
        for handler in node.handlers:
            idle = [s for s in handler.body if _binds_only(s, bound)]
            for statement in idle[:1]:
                assert isinstance(statement, ast.Assign)
                module.edits.replace(*module.span(statement.targets[0]), "optuna")
            remove_statements(module, idle[1:])
        break
    return done


def _stores(node: ast.Try) -> set[ast.AST]:
    """Return the names that the handlers of a guard give another value."""
    return {
        n
        for handler in node.handlers
        for n in ast.walk(handler)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def _binds_only(statement: ast.stmt, names: Collection[str]) -> bool:
    return (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
        and statement.targets[0].id in names
        and isinstance(statement.value, ast.Constant)
    )


def _sorted(needed: Iterable[str]) -> list[str]:
    return sorted(set(needed), key=_key)


def _key(line: str) -> tuple[bool, bool, str]:
    """Return where formatters put an import: the standard library first, plain imports first."""
    return not _is_standard(line.split()[1]), line.startswith("from"), line.split()[1]


def _is_standard(name: str) -> bool:
    return name.partition(".")[0] in sys.stdlib_module_names


def _key_of(module: Module, node: ast.stmt) -> tuple[bool, bool, str]:
    if isinstance(node, ast.ImportFrom) and node.level:
        return True, True, "~"  # relative ones come last
    return _key(" ".join(module.original(node).split()[:2]))


def _add_among(module: Module, place: ast.stmt, lines: list[str], removed: list[ast.stmt]) -> None:
    """Put imports among those around one that goes, each in the place that formatters give it."""
    around = _block_around(module, place)
    newline = module.source.newline
    for is_standard in (True, False):
        group = [line for line in lines if _is_standard(line.split()[1]) is is_standard]
        peers = [node for node in around if _key_of(module, node)[0] is not is_standard]
        staying = [node for node in peers if node not in removed]
        for line in group if staying else ():
            earlier = [node for node in staying if _key_of(module, node) <= _key(line)]
            if earlier:
                module.edits.insert(module.span(earlier[-1])[1], newline + line)
            else:
                module.edits.insert(module.line_start(module.span(staying[0])[0]), line + newline)
        if group and peers and not staying:
            module.edits.replace(*module.span(peers[-1]), newline.join(group))
            removed.remove(peers[-1])
        elif group and not peers:
            start = module.line_start(module.span(around[0])[0])
            module.edits.insert(start, newline.join(group) + newline * 2)


def _block_around(module: Module, place: ast.stmt) -> list[ast.stmt]:
    """Return the imports that follow one another around one, in its cell of a notebook."""
    body = module.tree.body
    position = body.index(place)
    start = module.span(place)[0]
    cell = next(c for c in reversed(module.source.cells) if c.start <= start)

    def belongs(node: ast.stmt) -> bool:
        is_import = isinstance(node, ast.Import | ast.ImportFrom)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        inside = cell.start <= module.span(node)[0] < cell.end
        return is_import and not is_future and inside and module.begins_line(node)

    first = last = position
    while first > 0 and belongs(body[first - 1]):
        first -= 1
    while last + 1 < len(body) and belongs(body[last + 1]):
        last += 1
    return body[first : last + 1]


def _left_without_use(
    module: Module, gone: Collection[ast.AST], new: Iterable[str]
) -> list[ast.stmt]:
    """Return imports of other packages that served only what is rewritten or removed."""
    ours = statements(module)
    found: list[ast.stmt] = []
    text = module.edits.apply()
    for node in module.tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom) or node in ours:
            continue
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            continue
        names = [alias.asname or alias.name.partition(".")[0] for alias in node.names]
        uses = [use for name in names for use in module.names.module.uses.get(name, [])]
        is_said = any(
            len(re.findall(rf"\b{re.escape(name)}\b", text)) > _mentions(module, node, name)
            for name in names
        )
        is_needed = any(
            re.search(rf"\b{re.escape(name)}\b", line) for line in new for name in names
        )
        if uses and all(use in gone for use in uses) and not is_said and not is_needed:
            found.append(node)
    return found


def _mentions(module: Module, node: ast.stmt, name: str) -> int:
    return len(re.findall(rf"\b{re.escape(name)}\b", module.original(node)))


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
    if alias.name == "*":
        names = (n for n in module.walk() if isinstance(n, ast.Name))
        stars = [
            n for n in names if not module.names.bindings(n) and module.names.star_of(n) is node
        ]
        return all(use in gone for use in stars)
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
