"""Spaces that no search uses: those that are only sampled or shown, and those of earlier days.

They would keep hyperopt in a program that needs it for nothing else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hyperbridge.migrate.demand import Demand, Randomness, is_parameter
from hyperbridge.migrate.program import Program, Slot

_SHOWN = ("print", "pprint", "display", "repr", "str")
_PARTS = (ast.Dict, ast.List, ast.Tuple, ast.Call, ast.keyword, ast.BinOp, ast.UnaryOp)


def stray_spaces(program: Program, random: Randomness, known: set[ast.AST]) -> list[Demand]:
    """Return what the spaces come from that are sampled or shown, and nothing else.

    Args:
        program: The program.
        random: What in it is random.
        known: What the spaces of its searches consist of.
    """
    found: list[Demand] = []
    covered = set(known)
    for module in program.modules:
        for node in module.of_kind(ast.Call):
            if node in covered or not is_parameter(program.hyperopt(node.func) or ""):
                continue
            demand = Demand(program, random)
            held = _holder(program, node)
            if held is not None and _is_idle(program, held, covered):
                demand.place(held, node)
            elif (root := _sampled(program, node)) is not None:
                demand.space(root)
            if node in demand.roles.parameters and not demand.roles.unknown:
                covered |= {*demand.visited, *demand.roles.parameters}
                found.append(demand)
    return found


def _above(program: Program, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST | None]]:
    """Yield the parts of a space around a parameter, each with what is above it."""
    above = program.parent_of.get(node)
    yield node, above
    while isinstance(above, _PARTS):
        node, above = above, program.parent_of.get(above)
        yield node, above


def _holder(program: Program, parameter: ast.Call) -> Slot | None:
    """Return the variable that a space is assigned to."""
    *_, (_, statement) = _above(program, parameter)
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    elif isinstance(statement, ast.AnnAssign):
        target = statement.target
    else:
        return None
    slot = program.slot(target) if isinstance(target, ast.Name) else None
    is_plain = slot is not None and slot.scope is not None and not program.is_imported(slot)
    return slot if is_plain else None


def _sampled(program: Program, parameter: ast.Call) -> ast.expr | None:
    """Return the space that a call of ``sample`` has written in it."""
    for node, above in _above(program, parameter):
        is_call = isinstance(above, ast.Call) and program.hyperopt(above.func) == "sample"
        if isinstance(above, ast.Call) and is_call and above.args[:1] == [node]:
            return above.args[0]
    return None


def _is_idle(program: Program, slot: Slot, known: set[ast.AST]) -> bool:
    """Tell whether the program does nothing with a variable but sample it and show it."""
    return all(
        not isinstance(getattr(use, "ctx", None), ast.Load) or _is_harmless(program, use, known)
        for use in program.uses.get(slot, ())
    )


def _is_harmless(program: Program, use: ast.AST, known: set[ast.AST]) -> bool:
    parent = program.parent_of.get(use)
    if use in known or isinstance(parent, ast.Expr):
        return True
    if not isinstance(parent, ast.Call) or use not in parent.args:
        return False
    is_shown = isinstance(parent.func, ast.Name) and parent.func.id in _SHOWN
    return is_shown or program.hyperopt(parent.func) == "sample"
