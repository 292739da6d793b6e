"""What reading a space from source needs: nodes of values, arguments of ``hp`` calls."""

from __future__ import annotations

import ast
from typing import Any

from hyperbridge.errors import HyperbridgeError
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.scopes import Binding
from hyperbridge.space.distributions import ARGUMENT_NAMES
from hyperbridge.space.functions import STANDARD_FUNCTIONS
from hyperbridge.space.nodes import Call, Constant, DictNode, Node, SequenceNode


class UnreadableSpaceError(HyperbridgeError, ValueError):
    """The source alone does not tell what the space is.

    Attributes:
        node: Where in the source.
        reason: Why, as a sentence without its subject's line.
    """

    def __init__(self, node: ast.AST, reason: str) -> None:
        super().__init__(reason)
        self.node = node
        self.reason = reason


def arguments_of(expr: ast.Call, kind: str) -> dict[str, ast.expr]:
    """Return the arguments of a call of ``hp.<kind>`` by their names.

    Raises:
        UnreadableSpaceError: They do not fit, or are unpacked with stars.
    """
    if kind in ("choice", "pchoice"):
        names: tuple[str, ...] = ("label", "options" if kind == "choice" else "p_options")
    elif kind == "uniformint":
        names = ("label", "low", "high", "q")
    elif kind in ARGUMENT_NAMES and kind != "categorical":
        names = ("label", *ARGUMENT_NAMES[kind])
    else:
        raise UnreadableSpaceError(expr, f"hp.{kind} is not a parameter that is known")
    if any(isinstance(arg, ast.Starred) for arg in expr.args) or any(
        keyword.arg is None for keyword in expr.keywords
    ):
        raise UnreadableSpaceError(expr, f"hp.{kind} is called with * or **")
    given = dict(zip(names, expr.args, strict=False))
    given.update({str(keyword.arg): keyword.value for keyword in expr.keywords})
    needed = [n for n in names if n != "q" or kind.startswith("q")]
    needed = needed[:2] if kind == "randint" else needed
    if len(expr.args) > len(names) or not set(needed) <= set(given) <= set(names):
        raise UnreadableSpaceError(expr, f"hp.{kind} takes {', '.join(names)}")
    return given


def standard(name: str, *args: Node) -> Call:
    """Return a call of one of the functions that hyperopt predefines."""
    return Call(name, STANDARD_FUNCTIONS[name], args)


def node_of(value: Any) -> Node:
    """Return the node that hyperopt's own conversion would lead to."""
    if isinstance(value, list | tuple):
        written_as = "list" if isinstance(value, list) else "tuple"
        return SequenceNode(tuple(node_of(item) for item in value), written_as)  # type: ignore[arg-type]  # one of the two
    if isinstance(value, dict):
        keys = sorted(value)
        return DictNode(tuple(keys), tuple(node_of(value[key]) for key in keys))
    return Constant(value)


def is_literal(expr: ast.expr) -> bool:
    """Tell whether an expression is a literal, at any depth."""
    return all(
        isinstance(
            node,
            ast.Constant | ast.List | ast.Tuple | ast.Dict | ast.UnaryOp | ast.USub | ast.Load,
        )
        for node in ast.walk(expr)
    )


def returned_by(module: Module, call: ast.Call) -> tuple[Binding, ast.expr] | None:
    """Return what a call of a function that does nothing but return gives, and the function.

    The function is one of this file's, has no decorator, takes nothing, and may have a docstring.
    """
    if call.args or call.keywords:
        return None
    binding = module.names.only_binding(call.func)
    function = None if binding is None else binding.node
    if not isinstance(function, ast.FunctionDef) or function.decorator_list:
        return None
    *before, last = function.body
    arguments = function.args
    takes = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    if takes or arguments.vararg is not None or arguments.kwarg is not None:
        return None
    if len(before) > 1 or any(not _is_docstring(statement) for statement in before):
        return None
    if binding is None or not isinstance(last, ast.Return) or last.value is None:
        return None
    return binding, last.value


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
