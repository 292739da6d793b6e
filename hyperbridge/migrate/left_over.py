"""What a migration tells of a file beside its searches: what is left of hyperopt in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from typing import TypeGuard

from hyperbridge.migrate import imports
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.program import Program
from hyperbridge.migrate.reading import Search, is_handed_on
from hyperbridge.migrate.skips import is_skipped
from hyperbridge.migrate.sources import Source

_WITH_SEARCH = (
    *("hp", "scope", "STATUS_OK", "STATUS_FAIL", "Trials", "SparkTrials", "tpe", "rand"),
    *("JOB_STATE_NEW", "JOB_STATE_RUNNING", "JOB_STATE_DONE", "JOB_STATE_ERROR"),
)
_OF_SEARCH = ("space_eval", "sample", "generate_trials_to_calculate")


def left_over(program: Program, module: Module, blocked: Collection[Search]) -> list[Note]:
    """Return a note for every use of hyperopt that is neither rewritten nor part of a noted search.

    Args:
        program: The program.
        module: The file.
        blocked: The searches of the program that are left.
    """
    handed = [
        node
        for each in program.modules
        for node in program.mentions[each]
        if is_handed_on(node, each) and not each.edits.covers(*each.span(node))
    ]
    has_blocked = bool(handed) or bool(blocked)
    lines = {line for s in blocked if s.module is module for line in _lines_of(s, program)}
    notes: list[Note] = []
    is_named = set[int]()
    for node in program.mentions[module]:
        name = module.hyperopt(node)
        parent = module.names.parent_of.get(node)
        if not name or (isinstance(parent, ast.Attribute) and module.hyperopt(parent)):
            continue
        if node.lineno in lines or module.edits.covers(*module.span(node)):
            continue
        if is_skipped(module, node):
            is_named.add(node.lineno)
            continue
        if node in handed:
            text = "fmin is handed on as a value: call it by its name where it searches"
            notes.append(Note(node.lineno, text, True, "HB201"))
            continue
        if has_blocked and name.partition(".")[0] in _WITH_SEARCH:
            continue
        if has_blocked and name in _OF_SEARCH:
            text = f"{name} is left because its search is"
            notes.append(Note(node.lineno, text, False, "HB214"))
            continue
        notes.append(
            Note(node.lineno, f"{name} is left as it is: no rule for it here", True, "HB215")
        )
    is_named |= {note.line for note in notes}
    for statement in () if has_blocked else imports.left(module):
        names = {a.asname or a.name.partition(".")[0] for a in getattr(statement, "names", ())}
        scope = module.names.scope_of[statement]
        uses = {u.lineno for n in names for u in scope.uses.get(n, ())}
        if not uses & is_named:
            text = "hyperopt is imported here, and no search of these files needs it"
            notes.append(Note(statement.lineno, text, True, "HB215"))
    return notes


def is_value(node: ast.AST, module: Module) -> TypeGuard[ast.expr]:
    """Tell whether a node is ``hp``, or a distribution that is not called, as a value."""
    if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load):
        return False
    first, _, rest = (module.hyperopt(node) or "").partition(".")
    parent = module.names.parent_of.get(node)
    is_inner = isinstance(parent, ast.Attribute)  # the hp of hp.uniform
    is_called = bool(rest) and isinstance(parent, ast.Call) and parent.func is node
    return first == "hp" and not is_inner and not is_called


def _lines_of(search: Search, program: Program) -> range:
    statement = program.statement(search.call)
    return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)


def installations(source: Source) -> list[Note]:
    """Return a note for each line that installs hyperopt."""
    return [
        Note(number, "installs hyperopt: install the new engine instead", False, "HB227")
        for number, line in enumerate(source.text.splitlines(), start=1)
        if re.search(r"^\W*(MAGIC )?\W*pip3? install\b.*\bhyperopt\b", line)
    ]


def broken_cells(source: Source) -> list[Note]:
    """Return a note for each cell that does not parse."""
    return [
        Note(cell.first_line, f"the cell does not parse, and is left: {cell.fault}", True, "HB002")
        for cell in source.cells
        if cell.fault
    ]
