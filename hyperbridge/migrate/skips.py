"""Statements that a comment ``# hyperbridge: skip`` keeps as they are."""

from __future__ import annotations

import ast
import re

from hyperbridge.migrate.module import Module

_COMMENT = re.compile(r"#\s*hyperbridge:\s*skip\b")


def skipped_lines(module: Module) -> tuple[int, ...]:
    """Return the lines with the comment."""
    if _COMMENT.search(module.source.code) is None:
        return ()
    return tuple(line for line, (_, text) in module.comments.items() if _COMMENT.search(text))


def skipped_statements(module: Module) -> list[ast.stmt]:
    """Return the statements that have the comment on one of their lines.

    Of a function, a class, a loop and the like, these are the lines before its body.
    """
    lines = set(skipped_lines(module))
    if not lines:
        return []
    return [n for n in module.walk() if isinstance(n, ast.stmt) and lines & {*_lines(n)}]


def is_skipped(module: Module, node: ast.AST) -> bool:
    """Tell whether a node stands in a statement that is skipped."""
    line = getattr(node, "lineno", 0)
    return any(s.lineno <= line <= (s.end_lineno or s.lineno) for s in skipped_statements(module))


def _lines(statement: ast.stmt) -> range:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(d.lineno for d in decorators)])
    body = getattr(statement, "body", None)
    if isinstance(body, list) and body:
        return range(first, max(body[0].lineno, first + 1))
    if isinstance(statement, ast.Match):
        return range(first, statement.cases[0].pattern.lineno)
    return range(first, (statement.end_lineno or first) + 1)
