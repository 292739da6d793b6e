"""Looks at a space as the dict that it was: what becomes a function of the trial has no keys."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hyperbridge.migrate.elements import container_of
from hyperbridge.migrate.nodes import walk
from hyperbridge.migrate.program import Program
from hyperbridge.migrate.reading import Search
from hyperbridge.migrate.rewriting import Rewriting

_LOOK = "is looked at as a dict, and becomes a function of the trial: keep its keys in a list"
_CALL = "makes a space for no search, and takes a trial now: leave it out, or call it with one"
_METHODS = ("keys", "items", "values", "get")
_COUNTING = (
    *("len", "list", "tuple", "set", "dict", "sorted", "reversed", "iter", "enumerate", "zip"),
    *("map", "filter", "any", "all", "min", "max"),
)


def looks_at_dicts(rewriting: Rewriting) -> Iterator[tuple[Search, ast.expr, str]]:
    """Yield what takes a function of the trial for a space still, with its search and why."""
    program, roles = rewriting.program, rewriting.roles
    inside = {*rewriting.done, *roles.builders, *roles.roots}
    for draft in rewriting.drafts:
        inside |= draft.visited
    known = {below for node in inside for below in walk(node)}
    for draft in rewriting.drafts:
        mine = (draft.roles.units | draft.roles.holders) & (roles.units | roles.holders)
        for slot in mine | (draft.roles.containers & roles.containers):
            for use in program.uses.get(slot, ()):
                look = _element(program, use) if slot in roles.containers else use
                if look is not None and use not in known and _is_look(program, look):
                    yield draft.search, look, _LOOK
        for function in draft.roles.builders & roles.builders:
            for call in program.calls.get(function, ()):
                edits = program.home[call].edits
                if call not in known and not edits.touches(*program.home[call].span(call)):
                    yield draft.search, call, _CALL


def _element(program: Program, use: ast.expr) -> ast.expr | None:
    """Return what takes an element out of a container; None where nothing does."""
    parent = program.parent_of.get(use)
    parent = program.parent_of.get(parent) if isinstance(parent, ast.Attribute) else parent
    return parent if isinstance(parent, ast.expr) and container_of(parent) is use else None


def _is_look(program: Program, use: ast.expr) -> bool:
    parent = program.parent_of.get(use)
    if isinstance(parent, ast.For | ast.comprehension):
        return parent.iter is use
    if isinstance(parent, ast.Subscript):
        return parent.value is use and isinstance(parent.ctx, ast.Load)
    if isinstance(parent, ast.Compare):
        operators = zip(parent.ops, parent.comparators, strict=True)
        return any(isinstance(op, ast.In | ast.NotIn) and c is use for op, c in operators)
    if isinstance(parent, ast.Attribute) and parent.attr in _METHODS:
        above = program.parent_of.get(parent)
        return isinstance(above, ast.Call) and above.func is parent
    if isinstance(parent, ast.Call) and use in parent.args:
        name = getattr(parent.func, "id", "")
        return name in _COUNTING and program.slot(parent.func) is None
    return isinstance(parent, ast.Starred)
