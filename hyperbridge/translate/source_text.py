"""What source code is made of: expressions that are broken into lines, and the user's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hyperbridge.space.nodes import Node

WIDTH = 88
"""The longest line that is written; the usual limit of formatters."""


@dataclass(frozen=True, slots=True)
class SourceExpression:
    """The value of a constant that is known as source text only.

    Attributes:
        text: A Python expression.
    """

    text: str


@dataclass(slots=True, eq=False)
class Texts:
    """The user's own words for the values in a space that was read from source.

    Attributes:
        of_node: Text by ``id`` of a node.
        of_argument: Text by ``id`` of a parameter and the argument's name.
        of_options: Text of the whole list of options by ``id`` of a choice.
        order_of: The keys of a dict in the user's order, by ``id`` of its node.
        comment_of: Comment lines above an entry and the one behind it, by ``id`` of the dict's
            node and key.
        kept: The nodes themselves, so that no ``id`` is used twice.
    """

    of_node: dict[int, str] = field(default_factory=dict)
    of_argument: dict[tuple[int, str], str] = field(default_factory=dict)
    of_options: dict[int, str] = field(default_factory=dict)
    order_of: dict[int, list[Any]] = field(default_factory=dict)
    comment_of: dict[tuple[int, Any], tuple[tuple[str, ...], str | None]] = field(
        default_factory=dict
    )
    kept: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Group:
    """An expression in brackets that may be broken after each of its parts.

    Attributes:
        opening: All up to and with the opening bracket.
        parts: What stands between the commas: a prefix such as ``"C": ``, and the rest.
        closing: The closing bracket and what follows it.
    """

    opening: str
    parts: Sequence[tuple[str, Expression]]
    closing: str


@dataclass(frozen=True, slots=True)
class Commented:
    """A part of a `Group` with the user's comments; it gets lines of its own.

    Attributes:
        expression: The part.
        above: Comment lines before it.
        behind: The comment on its last line.
    """

    expression: Expression
    above: tuple[str, ...]
    behind: str | None


Expression: TypeAlias = "str | Group | Commented"
"""A piece of code: a text that is never broken, or something that may be."""


def flat(expression: Expression) -> str:
    """Return an expression on one line."""
    if isinstance(expression, str):
        return expression
    if isinstance(expression, Commented):
        return flat(expression.expression)
    inner = ", ".join(prefix + flat(part) for prefix, part in expression.parts)
    return f"{expression.opening}{inner}{expression.closing}"


def render(expression: Expression, *, indent: int, prefix: str = "", suffix: str = "") -> list[str]:
    """Return the lines of an expression, broken where they would be too long.

    Args:
        expression: The expression.
        indent: Number of spaces before the first line.
        prefix: What precedes it on its line, for example ``x = ``.
        suffix: What follows it.

    Examples:
        >>> render(Group("f(", [("", "1"), ("b=", "2")], ")"), indent=4, prefix="x = ")
        ['    x = f(1, b=2)']
    """
    pad = " " * indent
    if isinstance(expression, Commented):
        above = [f"{pad}{comment}" for comment in expression.above]
        behind = "" if expression.behind is None else f"  {expression.behind}"
        inner = render(expression.expression, indent=indent, prefix=prefix, suffix=suffix)
        return [*above, *inner[:-1], f"{inner[-1]}{behind}"]
    line = f"{pad}{prefix}{flat(expression)}{suffix}"
    if isinstance(expression, str) or not expression.parts:
        return [line]
    if len(line) <= WIDTH and not _wants_lines(expression):
        return [line]
    lines = [f"{pad}{prefix}{expression.opening}"]
    for part_prefix, part in expression.parts:
        lines += render(part, indent=indent + 4, prefix=part_prefix, suffix=",")
    return [*lines, f"{pad}{expression.closing}{suffix}"]


def _wants_lines(expression: Group) -> bool:
    """A dict of parameters reads better with a line for each, even when it is short."""
    if any(isinstance(part, Commented) for _, part in expression.parts):
        return True
    is_dict = expression.opening.endswith("{")
    return is_dict and any("trial." in flat(part) for _, part in expression.parts)
