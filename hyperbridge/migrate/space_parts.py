"""What reading a space from source needs: nodes of values, arguments of ``hp`` calls."""

from __future__ import annotations

import ast
from typing import Any

from hyperbridge.errors import HyperbridgeError
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
