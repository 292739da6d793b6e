"""Prove that the new text of a file is a program before anyone sees it."""

from __future__ import annotations

import ast
import builtins
import symtable

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.syntax import relaid
from hyperbridge.notebooks.magics import masked

_KNOWN = {*dir(builtins), "__file__", "__name__", "__doc__", "__path__", "__spec__", "__class__"}


def new_texts(module: Module) -> list[str]:
    """Return the new text of each cell of a file."""
    source = module.source
    return [
        relaid(module.edits.apply(c.start, c.end), source.text[c.start : c.end])
        for c in source.cells
    ]


def faults(module: Module) -> list[str]:
    """Return what is wrong with the new text of a file; nothing when it is all right."""
    source = module.source
    cells = new_texts(module)
    if source.document is not None:
        cells = [masked(cell) for cell in cells]
        for number, cell in enumerate(cells, start=1):
            problem = _syntax(cell)
            if problem is not None:
                return [f"cell {number} would not be Python: {problem}"]
        text = "\n".join(cells)
    else:
        text = "".join(cells)
    problem = _syntax(text)
    if problem is not None:
        return [f"the new text would not be Python: {problem}"]
    if text == source.code:
        return []
    found = []
    before, after = Looks.of(source.code), Looks.of(text)
    new = after.undefined - before.undefined
    if new:
        found.append(f"names that nothing defines: {', '.join(sorted(new))}")
    idle = after.unused - before.unused
    if idle:
        found.append(f"imports that nothing uses: {', '.join(sorted(idle))}")
    return found


def _syntax(text: str) -> str | None:
    try:
        compile(
            text,
            "new",
            "exec",
            ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST,
            dont_inherit=True,
        )
    except (SyntaxError, ValueError) as exc:
        return f"line {getattr(exc, 'lineno', '?')}: {exc}"
    return None


class Looks:
    """What names a text uses without defining them, and imports without using them."""

    def __init__(self, undefined: set[str], unused: set[str]) -> None:
        self.undefined = undefined
        self.unused = unused

    @classmethod
    def of(cls, text: str) -> Looks:
        """Look at a text that parses."""
        try:
            table = symtable.symtable(text, "new", "exec")
        except (SyntaxError, ValueError):  # await at the top level of a notebook
            return cls(set(), set())
        at_top = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
        tree = ast.parse(text)
        has_star = any(
            isinstance(n, ast.ImportFrom) and n.names[0].name == "*" for n in ast.walk(tree)
        )
        made = set(at_top)
        used: set[str] = set()
        undefined: set[str] = set()
        tables = [table]
        while tables:
            current = tables.pop()
            tables += current.get_children()
            for symbol in current.get_symbols():
                if symbol.is_declared_global() and symbol.is_assigned():
                    made.add(symbol.get_name())
        tables = [table]
        while tables:
            current = tables.pop()
            tables += current.get_children()
            for symbol in current.get_symbols():
                name = symbol.get_name()
                at_module = current is table or symbol.is_global()
                if symbol.is_referenced() and at_module:
                    used.add(name)
                    if name not in made and name not in _KNOWN and not has_star:
                        undefined.add(name)
        exported = {
            e.value
            for n in ast.walk(tree)
            if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "__all__"
            for e in ast.walk(n.value)
            if isinstance(e, ast.Constant)
        }
        imported = {
            s.get_name() for s in table.get_symbols() if s.is_imported() and not s.is_assigned()
        }
        return cls(undefined, {n for n in imported if n not in used and n not in exported})
