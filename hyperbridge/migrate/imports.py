"""hyperopt's imports go where nothing is left that needs them; the engine's come instead."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterable

from hyperbridge.migrate.module import Module, hyperopt_name
from hyperbridge.migrate.nodes import walk
from hyperbridge.migrate.placing import remove_statements
from hyperbridge.migrate.proof import code_of, looks, new_texts
from hyperbridge.migrate.scopes import STAR_NAMES
from hyperbridge.migrate.skips import is_skipped


def statements(module: Module) -> list[ast.Import | ast.ImportFrom]:
    """Return the statements that import hyperopt or hyperbridge and are not skipped, in order."""
    found = [n for n in _all(module) if _is_ours(n) and not is_skipped(module, n)]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _all(module: Module) -> list[ast.Import | ast.ImportFrom]:
    """Return the imports of a file."""
    return [*module.of_kind(ast.Import), *module.of_kind(ast.ImportFrom)]


def gone(module: Module) -> set[ast.AST]:
    """Return the uses of what hyperopt's imports bring that are rewritten or removed."""
    names = {a.asname or a.name.partition(".")[0] for s in statements(module) for a in s.names}
    return {
        use
        for use in module.of_kind(ast.Name)
        if (use.id in names or "*" in names) and module.edits.covers(*module.span(use))
    }


def left(module: Module) -> list[ast.stmt | ast.expr]:
    """Return what still imports hyperopt when all is written, also by its name in a text."""
    found: list[ast.stmt | ast.expr] = [
        node
        for node in statements(module)
        if not module.edits.covers(*module.span(node)) or _still_imports(module, node)
    ]
    for node in module.of_kind(ast.Call):
        if node.args and isinstance(node.args[0], ast.Constant):
            func, name = node.func, node.args[0].value
            called = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
            is_import = called in ("import_module", "__import__") and isinstance(name, str)
            if is_import and hyperopt_name(f"{name!s}.x") is not None:
                found.append(node)
    return found


def _still_imports(module: Module, node: ast.stmt) -> bool:
    """Tell whether an import brings fewer names now, but some of hyperopt's."""
    span = module.span(node)
    whole = [edit for edit in module.edits.inside(*span) if (edit.start, edit.end) == span]
    return any(
        isinstance(new, ast.Import | ast.ImportFrom) and _is_ours(new)
        for edit in whole
        for new in _statements_of(edit.text)
    )


def _statements_of(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except SyntaxError:
        return []


def _is_ours(node: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level == 0 and hyperopt_name(f"{node.module}.x") is not None
    return any(hyperopt_name(f"{alias.name}.x") is not None for alias in node.names)


def rewrite(
    module: Module,
    gone: Collection[ast.AST],
    needed: Iterable[str],
    shown: Collection[str] = (),
) -> None:
    """Remove what is not needed any more, and add what is.

    Args:
        module: The module.
        gone: The names whose uses are rewritten or removed.
        needed: Import statements for the new code.
        shown: Names that other files import from this one, which stay.
    """
    place: ast.stmt | None = None
    removed: list[ast.stmt] = []
    needed = set(needed)
    needed -= _rewrite_guards(module, gone, needed)
    for node in statements(module):
        if module.edits.covers(*module.span(node)):
            continue
        kept = [
            alias
            for alias in node.names
            if not _is_unused(module, node, alias, gone) or _is_shown(alias, shown)
        ]
        if len(kept) == len(node.names):
            continue
        if place is None and module.names.scope_of[node] is module.names.module:
            parent = module.names.parent_of[node]
            place = node if isinstance(parent, ast.Module) else None
        if kept:
            _shorten(module, node, kept)
        else:
            removed.append(node)
    before, after = looks(module.source.code), looks(code_of(new_texts(module), module))
    early = after.early - before.early
    new = _joined([line for line in _sorted(needed) if not _has(module, line, early)])
    idle = {
        name
        for name in after.unused - before.unused - set(shown)
        if "*" not in shown
        and not any(re.search(rf"\b{re.escape(name)}\b", line) for line in needed)
    }
    for statement, staying in _without(module, idle).items():
        is_top = isinstance(module.names.parent_of[statement], ast.Module)
        place = statement if place is None and is_top else place
        if staying:
            _shorten(module, statement, staying)
        else:
            removed.append(statement)
    if place is None:
        _add_at_top(module, new)
    elif new:
        _add_among(module, place, new, removed)
    remove_statements(module, removed)


def _is_shown(alias: ast.alias, shown: Collection[str]) -> bool:
    name = alias.asname or alias.name.partition(".")[0]
    brings = {n for names in STAR_NAMES.values() for n in names} if alias.name == "*" else {name}
    return "*" in shown or bool(brings & set(shown))


def _rewrite_guards(module: Module, gone: Collection[ast.AST], needed: set[str]) -> set[str]:
    """Have ``try: import hyperopt`` import the new engine; what failed stays without a value.

    Returns:
        The imports that stand in a guard then.
    """
    engine = sorted(line for line in needed if line.startswith("from ray"))
    engine = engine or [line for line in needed if line == "import optuna"]
    name = engine[0].split()[-1] if engine else ""
    done: set[str] = set()
    for node in module.tree.body:
        if not isinstance(node, ast.Try) or not engine:
            continue
        ours = [n for n in statements(module) if n in node.body]
        if not ours or not all(
            _is_unused(module, n, alias, {*gone, *_stores(node)}) for n in ours for alias in n.names
        ):
            continue
        start, end = module.span(ours[0])
        text = f"{module.source.newline}{module.indent(ours[0])}".join(_joined(engine))
        module.edits.replace(start, end, text)
        remove_statements(module, ours[1:])
        done.update(engine)
        bound = {alias.asname or alias.name.partition(".")[0] for n in ours for alias in n.names}
        for handler in node.handlers:
            idle = [s for s in handler.body if _binds_only(s, bound)]
            for statement in idle[:1]:
                assert isinstance(statement, ast.Assign)
                module.edits.replace(*module.span(statement.targets[0]), name)
            remove_statements(module, idle[1:])
        break
    return done


def _stores(node: ast.Try) -> set[ast.AST]:
    """Return the names that the handlers of a guard give another value."""
    return {
        n
        for handler in node.handlers
        for n in walk(handler)
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


def _joined(lines: list[str]) -> list[str]:
    """Return sorted imports with those from one package on one line."""
    found: list[str] = []
    for line in lines:
        head, _, names = line.partition(" import ")
        is_plain = line.startswith("from") and " as " not in line
        if (
            is_plain
            and found
            and found[-1].startswith(f"{head} import ")
            and " as " not in found[-1]
        ):
            found[-1] += f", {names}"
        else:
            found.append(line)
    return found


def _sorted(needed: Iterable[str]) -> list[str]:
    return sorted(set(needed), key=_whole_key)


def _key(line: str) -> tuple[bool, bool, str]:
    """Return where formatters put an import: the standard library first, plain imports first."""
    return not _is_standard(line.split()[1]), line.startswith("from"), line.split()[1]


def _whole_key(line: str) -> tuple[bool, bool, str, str]:
    return (*_key(line), line)


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


def _without(
    module: Module, idle: Collection[str]
) -> dict[ast.Import | ast.ImportFrom, list[ast.alias]]:
    """Return the imports of other packages that bring idle names, with the names that stay."""
    ours = statements(module)
    found: dict[ast.Import | ast.ImportFrom, list[ast.alias]] = {}
    for node in _all(module):
        if node in ours:
            continue
        if is_skipped(module, node):
            continue
        if module.names.scope_of[node] is not module.names.module:
            continue
        kept = [a for a in node.names if (a.asname or a.name.partition(".")[0]) not in idle]
        if len(kept) < len(node.names):
            found[node] = kept
    return found


def _has(module: Module, line: str, early: Collection[str]) -> bool:
    """Tell whether an import stands at the top level, before the code that needs it."""
    wanted = ast.parse(line).body[0]
    assert isinstance(wanted, ast.Import | ast.ImportFrom)
    if any((a.asname or a.name.partition(".")[0]) in early for a in wanted.names):
        return False
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
        stars = [
            n
            for n in module.of_kind(ast.Name)
            if not module.names.bindings(n) and module.names.star_of(n) is node
        ]
        return all(use in gone for use in stars)
    name = alias.asname or alias.name.partition(".")[0]
    scope = module.names.scope_of[node].find(name)
    uses = [] if scope is None else scope.uses.get(name, [])
    return all(use in gone or isinstance(use.ctx, ast.Store) for use in uses)


def _shorten(module: Module, node: ast.Import | ast.ImportFrom, kept: list[ast.alias]) -> None:
    names = ", ".join(a.name if a.asname is None else f"{a.name} as {a.asname}" for a in kept)
    head = "import"
    if isinstance(node, ast.ImportFrom):
        head = f"from {'.' * node.level}{node.module or ''} import"
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
