"""What belongs to a syntax node. Source: Python library, ``ast``, "Node classes"."""

from __future__ import annotations

import ast
from collections.abc import Mapping

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
LEAVES = frozenset((ast.Name, ast.Constant, ast.alias, ast.Pass, ast.Global, ast.Nonlocal))
"""What has nothing below it but operators and the like."""
PLACES = (ast.Name, ast.Attribute)
CHANGING = frozenset(
    (
        *("append", "appendleft", "extend", "extendleft", "insert", "add", "update", "setdefault"),
        *("clear", "remove", "discard", "sort", "reverse", "pop", "popleft", "popitem"),
        "move_to_end",
    )
)
"""The methods that change a container."""
_MARKS = frozenset(
    kind
    for base in (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
    for kind in base.__subclasses__()
)
"""Operators and the like: they have no place in the source, and all trees share them."""


def block_of(parent: ast.AST, node: ast.stmt) -> list[ast.stmt]:
    """Return the list of statements in which one stands."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and node in block:
            return block
    return [node]


def entries_of(expr: ast.expr) -> dict[str, ast.expr] | None:
    """Return the entries of a dict that is written out, with texts as keys; None for others."""
    if isinstance(expr, ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in expr.keys]
        if not all(isinstance(key, str) for key in keys):
            return None
        return dict(zip(map(str, keys), expr.values, strict=True))
    if isinstance(expr, ast.Call) and getattr(expr.func, "id", "") == "dict" and not expr.args:
        given = {str(keyword.arg): keyword.value for keyword in expr.keywords if keyword.arg}
        return given if len(given) == len(expr.keywords) else None
    return None


def is_changed(use: ast.expr, parent_of: Mapping[ast.AST, ast.AST]) -> bool:
    """Tell whether a use of a container stores in it, deletes from it or calls what changes it."""
    parent = parent_of.get(use)
    if isinstance(parent, ast.Subscript):
        return parent.value is use and not isinstance(parent.ctx, ast.Load)
    if not isinstance(parent, ast.Attribute) or parent.attr not in CHANGING:
        return False
    call = parent_of.get(parent)
    return isinstance(call, ast.Call) and call.func is parent


def default_of(function: Function, name: str) -> ast.expr | None:
    """Return the default of a function's parameter; None when it has none."""
    args = function.args
    plain = [*args.posonlyargs, *args.args]
    pairs = [
        *zip(reversed(plain), reversed(args.defaults), strict=False),
        *zip(args.kwonlyargs, args.kw_defaults, strict=True),
    ]
    return next((value for arg, value in pairs if arg.arg == name), None)


def children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes directly below one, as `ast.iter_child_nodes` does, without operators."""
    found: list[ast.AST] = []
    if node.__class__ in LEAVES:
        return found
    for name in node._fields:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [
                part for part in value if isinstance(part, ast.AST) and part.__class__ not in _MARKS
            ]
        elif isinstance(value, ast.AST) and value.__class__ not in _MARKS:
            found.append(value)
    return found


def walk(node: ast.AST) -> list[ast.AST]:
    """Return a node and all below it, in the order of `ast.walk`, without operators."""
    nodes = [node]
    for each in nodes:  # it grows
        nodes += children(each)
    return nodes
