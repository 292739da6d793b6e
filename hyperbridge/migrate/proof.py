"""Prove that the new text of a file is a program before anyone sees it."""

from __future__ import annotations

import ast
import builtins
import functools
import symtable
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import walk
from hyperbridge.migrate.order import early_names
from hyperbridge.migrate.skips import skipped_statements
from hyperbridge.migrate.syntax import relaid

_KNOWN = {*dir(builtins), "__file__", "__name__", "__doc__", "__path__", "__spec__", "__class__"}


def new_texts(module: Module) -> list[str]:
    """Return the new text of each cell of a file."""
    source = module.source
    if not module.edits:
        return [source.text[c.start : c.end] for c in source.cells]
    return [
        _ended(
            relaid(module.edits.apply(c.start, c.end), source.text[c.start : c.end]),
            source.text[c.start : c.end],
        )
        for c in source.cells
    ]


def _ended(text: str, before: str) -> str:
    """Return a text with the blank lines that stood at its end before, and no others."""
    return text if text == before else text.rstrip() + before[len(before.rstrip()) :]


def code_of(cells: Sequence[str], module: Module) -> str:
    """Return the Python code of the new text of a file's cells."""
    if module.source.document is None:
        return "".join(cells)
    return "\n".join(module.source.python(n, cell) for n, cell in enumerate(cells))


def faults(
    module: Module, renamed: Mapping[str, str] | None = None, shown: Collection[str] = ()
) -> list[str]:
    """Return what is wrong with the new text of a file; nothing when it is all right.

    Args:
        module: The file.
        renamed: The old name of each variable that has a new one.
        shown: Names that other files import from this one; ``*`` stands for all.
    """
    source = module.source
    if not module.edits:
        return []
    cells = new_texts(module)
    if source.document is not None:
        for number, cell in enumerate(cells):
            problem = _syntax(source.python(number, cell))
            if problem is not None:
                return [f"cell {number + 1} would not be Python: {problem}"]
    text = code_of(cells, module)
    problem = _syntax(text)
    if problem is not None:
        return [f"the new text would not be Python: {problem}"]
    if text == source.code:
        return []
    found = []
    before, after = looks(source.code), looks(text)
    new = after.undefined - before.undefined
    if new:
        found.append(f"names that nothing defines: {', '.join(sorted(new))}")
    idle = after.unused - before.unused - _kept(module)
    idle -= set(shown)
    if idle and "*" not in shown:
        found.append(f"imports that nothing uses: {', '.join(sorted(idle))}")
    old = renamed or {}
    early = {n for n in after.early if n not in before.early and old.get(n) not in before.early}
    if early:
        found.append(f"names used before they are bound: {', '.join(sorted(early))}")
    return found


def _kept(module: Module) -> set[str]:
    """Return the names that are imported where a comment keeps the import."""
    return {
        alias.asname or alias.name.partition(".")[0]
        for node in skipped_statements(module)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def _syntax(text: str) -> str | None:
    try:
        _parsed(text)
    except (SyntaxError, ValueError) as exc:
        return f"line {getattr(exc, 'lineno', '?')}: {exc}"
    return None


@functools.lru_cache(maxsize=4)
def _parsed(text: str) -> ast.Module:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
    tree = compile(text, "new", "exec", flags, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


@dataclass(frozen=True, slots=True)
class Looks:
    """What is odd about the names of a text.

    Attributes:
        undefined: Those that it uses without defining them.
        unused: Those that it imports without using them.
        early: Those that it uses before they have a value.
    """

    undefined: frozenset[str] = frozenset()
    unused: frozenset[str] = frozenset()
    early: frozenset[str] = frozenset()


@functools.lru_cache(maxsize=64)
def looks(text: str) -> Looks:
    """Look at a text that parses."""
    try:
        table = symtable.symtable(text, "new", "exec")
    except (SyntaxError, ValueError):  # await at the top level of a notebook
        return Looks()
    at_top = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    nodes = walk(_parsed(text))
    has_star = any(isinstance(n, ast.ImportFrom) and n.names[0].name == "*" for n in nodes)
    imported = {
        s.get_name() for s in table.get_symbols() if s.is_imported() and not s.is_assigned()
    }
    tables = [table]
    for inner in tables:  # it grows
        tables += inner.get_children()
    made = set(at_top)
    if any(isinstance(n, ast.Global) for n in nodes):
        symbols = (symbol for inner in tables for symbol in inner.get_symbols())
        made |= {s.get_name() for s in symbols if s.is_declared_global() and s.is_assigned()}
    used = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    known = (made | _KNOWN) - imported  # whether these are used does not matter
    for inner in tables[1:]:
        for name in {*inner.get_identifiers()} - used - known:
            symbol = inner.lookup(name)
            is_global = symbol.is_global() and not symbol.is_local()  # both, if it is named "top"
            if symbol.is_referenced() and is_global:
                used.add(name)
    undefined = set() if has_star else used - made - _KNOWN
    exported = {
        e.value
        for n in nodes
        if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "__all__"
        for e in walk(n.value)
        if isinstance(e, ast.Constant)
    }
    unused = frozenset(n for n in imported if n not in used and n not in exported)
    return Looks(frozenset(undefined), unused, frozenset(early_names(_parsed(text))))
