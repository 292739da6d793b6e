"""Which value a variable holds where it is read, in code that runs from top to bottom."""

from __future__ import annotations

import ast

from hyperbridge.migrate.nodes import FUNCTIONS, walk
from hyperbridge.migrate.program import Program

_IN_NO_ORDER = (ast.For, ast.AsyncFor, ast.While, ast.Try, getattr(ast, "TryStar", ast.Try))
"""Statements inside of which what stands above another line may run after it, or not at all."""


def last_value(program: Program, name: ast.expr) -> ast.expr | None:
    """Return the value that a variable was given last before it is read.

    Returns:
        None where that takes more than reading from top to bottom: the last statement that gives
        it a value does so under a condition, or in part; a loop gives it another one for its next
        turn; or another function does.
    """
    slot = program.slot(name) if isinstance(name, ast.Name) else None
    if slot is None:
        return None
    flows = program.flows.get(slot, [])
    if len({program.function_around(flow.node) for flow in flows}) > 1:
        return None
    statement = program.statement(name)
    for inner in [statement, *_statements_above(program, name)]:
        if inner is not statement and isinstance(inner, _IN_NO_ORDER):
            inside = set(walk(inner))
            if any(flow.node in inside for flow in flows):
                return None
        block = program.block(inner)
        for earlier in reversed(block[: block.index(inner)] if inner in block else []):
            inside = set(walk(earlier))
            hit = [flow for flow in flows if flow.node in inside]
            if hit:
                last = hit[-1]
                is_plain = last.node is earlier and isinstance(earlier, ast.Assign | ast.AnnAssign)
                return last.expr if is_plain and not last.path else None
        if isinstance(program.parent_of.get(inner), FUNCTIONS):
            break
    if len(flows) == 1 and not flows[0].path:
        only = flows[0]
        if isinstance(only.node, ast.Assign | ast.AnnAssign):
            return only.expr
    return None


def _statements_above(program: Program, node: ast.AST) -> list[ast.stmt]:
    found: list[ast.stmt] = []
    for above in program.enclosing(program.statement(node)):
        if isinstance(above, FUNCTIONS):
            break
        if isinstance(above, ast.stmt):
            found.append(above)
    return found
