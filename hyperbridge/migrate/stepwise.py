"""Searches one after the other that share a dict: what was found before, and what is searched now.

    for step in steps:
        params = {**params, **step}
        best = fmin(loss, params, ...)
        params = {**params, **best}

``params`` is a space in between. With a name of its own for the space the last line says the same,
when each parameter of ``step`` has its key as its label: ``best`` has a value for all of them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hyperbridge.migrate.distributions import Needs
from hyperbridge.migrate.module import Module

_JUMPS = (ast.Break, ast.Continue, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def names_of_spaces(module: Module) -> set[tuple[int, int, str]]:
    """Return the replacements that give such a space a name of its own."""
    found: set[tuple[int, int, str]] = set()
    for node in module.walk():
        body = getattr(node, "body", None)
        if isinstance(body, list):
            found |= _in_block(module, body)
    return found


def _in_block(module: Module, block: list[ast.stmt]) -> set[tuple[int, int, str]]:
    found: set[tuple[int, int, str]] = set()
    for at, first in enumerate(block):
        slot = _name_of_whole(first)
        if slot is None:
            continue
        target, added = slot
        for last in range(at + 1, len(block)):
            between = block[at + 1 : last]
            closing = _name_of_whole(block[last])
            if closing is not None and closing[0].id == target.id:
                is_search = _is_search_between(module, between, target.id, closing[1])
                if is_search and _is_searched_whole(module, added):
                    found |= _renamed(module, target, between)
            if target.id in _stored(block[last]):
                break
    return found


def _name_of_whole(statement: ast.stmt) -> tuple[ast.Name, ast.Name] | None:
    """Return the two names of ``a = {**a, **b}``."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target, value = statement.targets[0], statement.value
    if not isinstance(target, ast.Name) or not isinstance(value, ast.Dict):
        return None
    if value.keys != [None, None]:
        return None
    old, new = value.values
    if not isinstance(old, ast.Name) or not isinstance(new, ast.Name) or old.id != target.id:
        return None
    return target, new


def _is_search_between(
    module: Module, between: list[ast.stmt], space: str, result: ast.Name
) -> bool:
    """Tell whether the result comes from a search in the space, and nothing leaves before."""
    nodes = [node for statement in between for node in ast.walk(statement)]
    if any(isinstance(node, _JUMPS) for node in nodes):
        return False
    made = [s for s in between if result.id in _stored(s)]
    if len(made) != 1 or not isinstance(made[0], ast.Assign):
        return False
    call = made[0].value
    if not isinstance(call, ast.Call) or module.hyperopt(call.func) != "fmin":
        return False
    given = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "space")]
    return [getattr(expr, "id", "") for expr in given] == [space]


def _is_searched_whole(module: Module, added: ast.Name) -> bool:
    """Tell whether a dict has nothing but parameters, each under its label."""
    displays = list(_displays(module, added))
    return bool(displays) and all(
        isinstance(display, ast.Dict)
        and bool(display.keys)
        and all(
            _is_labelled(module, key, value)
            for key, value in zip(display.keys, display.values, strict=True)
        )
        for display in displays
    )


def _displays(module: Module, name: ast.Name) -> Iterator[ast.expr | None]:
    """Yield what a variable holds; None for what is not told."""
    for binding in module.names.bindings(name):
        node = binding.node
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            yield node.value if isinstance(node.targets[0], ast.Name) else None
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            held: list[ast.expr | None] = [node.iter]
            if isinstance(node.iter, ast.Name):
                held = list(_displays(module, node.iter))
            for display in held:
                if isinstance(display, ast.List | ast.Tuple):
                    yield from display.elts
                else:
                    yield None
        else:
            yield None


def _is_labelled(module: Module, key: ast.expr | None, value: ast.expr) -> bool:
    if not isinstance(value, ast.Call) or not value.args or not isinstance(key, ast.Constant):
        return False
    label = value.args[0]
    is_parameter = (module.hyperopt(value.func) or "").startswith("hp.")
    return is_parameter and isinstance(label, ast.Constant) and label.value == key.value


def _stored(statement: ast.stmt) -> set[str]:
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }


def _renamed(
    module: Module, target: ast.Name, between: list[ast.stmt]
) -> set[tuple[int, int, str]]:
    free = [n for n in ("search_space", f"{target.id}_space") if n not in module.identifiers]
    new = free[0] if free else Needs(taken=set(module.identifiers)).unused("search_space")
    nodes = [node for statement in between for node in ast.walk(statement)]
    uses = [n for n in nodes if isinstance(n, ast.Name) and n.id == target.id]
    return {(*module.span(use), new) for use in (target, *uses)}
