"""What source code is made of: expressions that are broken into lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

WIDTH = 88
"""The longest line that is written; the usual limit of formatters."""


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


Expression: TypeAlias = "str | Group"
"""A piece of code: a text that is never broken, or something that may be."""


def flat(expression: Expression) -> str:
    """Return an expression on one line."""
    if isinstance(expression, str):
        return expression
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
    is_dict = expression.opening.endswith("{")
    return is_dict and any("trial." in flat(part) for _, part in expression.parts)
