"""Where a value may come from: the expressions and places from which it reaches an expression."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from hyperbridge.migrate.elements import Path, parts_of
from hyperbridge.migrate.program import Program, Slot

_DEEPEST = 6
_MOST = 5_000


@dataclass(slots=True)
class Origins:
    """What a value may come from.

    Attributes:
        exprs: Expressions that make it.
        slots: Places on the way that hold the value itself.
    """

    exprs: set[ast.expr] = field(default_factory=set)
    slots: set[Slot] = field(default_factory=set)


def origins(program: Program, expr: ast.expr, path: Path = ()) -> Origins:
    """Return where the value of an expression, or of elements of it, may come from."""
    found = Origins()
    seen: set[tuple[ast.expr, Path]] = set()
    waiting = [(expr, path)]
    while waiting:
        current = waiting.pop()
        if current in seen or len(current[1]) > _DEEPEST:
            continue
        seen.add(current)
        if len(seen) > _MOST:  # values that go round through containers; what is left is unknown
            found.exprs |= {part for part, _ in waiting}
            break
        _trace(program, *current, found, waiting)
    return found


def _trace(
    program: Program,
    expr: ast.expr,
    path: Path,
    found: Origins,
    waiting: list[tuple[ast.expr, Path]],
) -> None:
    """Take one step back; what comes next is added to what waits."""
    if isinstance(expr, ast.Name | ast.Attribute):
        slot = program.slot(expr)
        if slot is None:
            found.exprs.add(expr)
            return
        if not path:
            found.slots.add(slot)
        waiting += [(f.expr, (*f.path, *path)) for f in program.flows.get(slot, ())]
        if path:
            waiting += [(f.expr, (*f.path, *path[1:])) for f in program.stores.get(slot, ())]
        default = program.default(slot)
        waiting += [] if default is None else [(default, path)]
        return
    parts = _of_own(program, expr, path) if isinstance(expr, ast.Call) else None
    if parts is None:
        parts = parts_of(program, expr, path)
    waiting += parts or ()
    if parts is None and not path:
        found.exprs.add(expr)


def _of_own(program: Program, call: ast.Call, path: Path) -> list[tuple[ast.expr, Path]] | None:
    """Return what a call of a function or a class of the program gives; None for other calls."""
    functions = program.function(call.func)
    is_made = any(getattr(f, "name", "") == "__init__" for f in functions)
    if functions and not is_made:
        given = [(value, path) for f in functions for value in program.returned(f)]
        made = (y.value for f in functions for y in program.yields.get(f, ()) if path)
        return [*given, *((value, path[1:]) for value in made if value is not None)]
    first = path[0] if path else None
    fields = program.fields(call.func) if isinstance(first, int) and not functions else []
    if not isinstance(first, int) or not fields:
        return None
    named = {str(k.arg): k.value for k in call.keywords}
    entries = dict(zip(fields, call.args, strict=False)) | named
    is_there = first < len(fields) and fields[first] in entries
    return [(entries[fields[first]], path[1:])] if is_there else []
