"""Changes of a program that change nothing of what it does."""

from __future__ import annotations

import ast
import builtins
import io
import json
import textwrap
import tokenize
from collections.abc import Callable

Files = dict[str, str]


class CannotChangeError(ValueError):
    """A change is not harmless for a program."""


def _parts(text: str) -> tuple[str, list[ast.stmt], list[str]]:
    """Return the imports, and the other statements at the top with their sources."""
    tree = ast.parse(text)
    lines = text.split("\n")
    imports, rest, sources = [], [], []
    end = 0
    for node in tree.body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        source = "\n".join(lines[end : node.end_lineno]).strip("\n")
        if first <= end:
            raise CannotChangeError("several statements on a line")
        end = node.end_lineno or 0
        if isinstance(node, ast.Import | ast.ImportFrom) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            imports.append(source)
        else:
            rest.append(node)
            sources.append(source)
    return "\n".join(imports), rest, sources


def _has_long_strings(text: str) -> bool:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return any(t.type == tokenize.STRING and t.start[0] != t.end[0] for t in tokens)


def renamed(text: str) -> Files:
    """Give every name that is the program's own another one."""
    tree = ast.parse(text)
    own = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    own |= {a.arg for a in ast.walk(tree) if isinstance(a, ast.arg)}
    kept = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    kept |= {k.arg for n in ast.walk(tree) if isinstance(n, ast.Call) for k in n.keywords if k.arg}
    fields = [n.body for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
    kept |= {n.id for body in fields for b in body for n in ast.walk(b) if isinstance(n, ast.Name)}
    for part in ast.walk(tree):
        if isinstance(part, ast.JoinedStr):
            kept |= {n.id for n in ast.walk(part) if isinstance(n, ast.Name)}
        if isinstance(part, ast.Global | ast.Nonlocal):
            kept |= set(part.names)
    kept |= {a.asname or a.name for a in ast.walk(tree) if isinstance(a, ast.alias)}
    changing = {name for name in own - kept - set(dir(builtins)) if not name.startswith("__")}
    tokens = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_ours = token.type == tokenize.NAME and token.string in changing
        tokens.append((token, f"{token.string}_of_mine" if is_ours else token.string))
    lines = text.split("\n")
    for token, new in reversed(tokens):
        if new != token.string:
            row, column = token.start
            line = lines[row - 1]
            lines[row - 1] = line[:column] + new + line[column + len(token.string) :]
    return {"main.py": "\n".join(lines)}


def _wrapped(text: str, head: str, tail: str, depth: int) -> Files:
    imports, rest, sources = _parts(text)
    inner = [n for r in rest for n in ast.walk(r)]
    if any(isinstance(n, ast.Global) for n in inner) or _has_long_strings(text):
        raise CannotChangeError("a global, or a string of several lines")
    if any(getattr(n, "id", "") == "__name__" for n in inner):
        raise CannotChangeError("a guard")
    body = textwrap.indent("\n".join(sources), "    " * depth)
    return {"main.py": f"{imports}\n\n\n{head}\n{body}\n\n\n{tail}\n"}


def in_a_function(text: str) -> Files:
    """Put all but the imports into a function."""
    return _wrapped(text, "def main():", "main()", 1)


def in_a_method(text: str) -> Files:
    """Put all but the imports into a method."""
    return _wrapped(text, "class Job:\n    def run(self):", "Job().run()", 2)


def _free(node: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _bound(nodes: list[ast.stmt]) -> set[str]:
    names = [n for r in nodes for n in ast.walk(r) if isinstance(n, ast.Name)]
    found = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    return found | {r.name for r in nodes if isinstance(r, ast.FunctionDef | ast.ClassDef)}


def in_two_files(text: str) -> Files:
    """Move the functions that need nothing of the rest into a module."""
    imports, rest, sources = _parts(text)
    movable = [r for r in rest if isinstance(r, ast.FunctionDef | ast.ClassDef)]
    movable = [r for r in movable if not any(isinstance(n, ast.Global) for n in ast.walk(r))]
    while True:
        others = _bound([r for r in rest if r not in movable])
        stay = [r for r in movable if _free(r) & others]
        if not stay:
            break
        movable = [r for r in movable if r not in stay]
    if not movable:
        raise CannotChangeError("nothing to move")
    moved = "\n\n\n".join(s for r, s in zip(rest, sources, strict=True) if r in movable)
    left = "\n".join(s for r, s in zip(rest, sources, strict=True) if r not in movable)
    names = ", ".join(r.name for r in movable)  # type: ignore[attr-defined]  # they are definitions
    return {
        "main.py": f"{imports}\nfrom parts import {names}\n\n{left}\n",
        "parts.py": f"{imports}\n\n\n{moved}\n",
    }


def reordered(text: str) -> Files:
    """Put the functions first, the last one at the top."""
    imports, rest, sources = _parts(text)
    pairs = list(zip(rest, sources, strict=True))
    plain = [
        (r, s)
        for r, s in pairs
        if isinstance(r, ast.FunctionDef)
        and not r.decorator_list
        and not any((*r.args.defaults, *r.args.kw_defaults))
        and r.returns is None
    ]
    names = [r.name for r, _ in plain]
    if len(set(names)) < len(names) or not plain:
        raise CannotChangeError("no functions, or one that is defined twice")
    first = "\n\n\n".join(s for _, s in reversed(plain))
    left = "\n".join(s for pair in pairs if pair not in plain for s in pair[1:])
    return {"main.py": f"{imports}\n\n\n{first}\n\n\n{left}\n"}


def in_a_notebook(text: str) -> Files:
    """Put each statement into a cell, those that search under ``%%time``."""
    imports, rest, sources = _parts(text)
    if any(isinstance(r, ast.If) and "__name__" in s for r, s in zip(rest, sources, strict=True)):
        raise CannotChangeError("a guard")
    cells = [imports]
    for node, source in zip(rest, sources, strict=True):
        is_search = "fmin(" in source and not isinstance(node, ast.FunctionDef | ast.ClassDef)
        cells.append(f"%%time\n{source}" if is_search else source)
    document = {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "metadata": {},
                "outputs": [],
                "source": cell.splitlines(keepends=True),
            }
            for cell in cells
        ],
        "metadata": {"kernelspec": {"language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return {"main.ipynb": json.dumps(document, indent=1, ensure_ascii=False) + "\n"}


CHANGES: dict[str, Callable[[str], Files]] = {
    "renamed": renamed,
    "in a function": in_a_function,
    "in a method": in_a_method,
    "in two files": in_two_files,
    "reordered": reordered,
    "in a notebook": in_a_notebook,
}
