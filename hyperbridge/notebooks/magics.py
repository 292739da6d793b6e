"""Find what in a cell is not Python: magics, shell lines and help lines.

Source: IPython documentation, "Input transformation" and "Built-in magic commands"; Databricks
documentation, "Develop code in Databricks notebooks" (language and auxiliary magic commands).
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_CELL_MAGIC = re.compile(r"\s*%%[ \t]*(?P<name>\w+)(?P<rest>.*)")
_LANGUAGE = re.compile(r"\s*%(?P<name>md-sandbox|\w+)(?P<rest>.*)")
_LINE_MAGIC = re.compile(r"(?P<indent>\s*)(?P<target>)%{1,2}[ \t]*(?P<name>\w+)(?P<rest>.*)")
_SHELL = re.compile(r"(?P<indent>\s*)(?P<target>)!{1,2}(?P<rest>.*)")
_HELP = re.compile(
    r"(?P<indent>\s*)(?P<target>)(?P<rest>\?{1,2}\s*[\w.*%]+|[\w.*%]+\s*\?{1,2})\s*;?\s*$"
)
_TARGET = r"(?P<indent>\s*)(?P<target>\w[\w.,\s\[\]'\"]*?)\s*=\s*"
_ASSIGNED_MAGIC = re.compile(_TARGET + r"%[ \t]*(?P<name>\w+)(?P<rest>.*)")
_ASSIGNED_SHELL = re.compile(_TARGET + r"!(?P<rest>.*)")
_AUTOMATIC = re.compile(r"(?P<indent>)(?P<target>)(?P<name>pip|conda|mamba|cd|ls)(?P<rest> +\S.*)")
"""A magic for which IPython asks no percent sign, where the line is no Python."""
_OPTIONS = re.compile(r"(?:\s+(?:-[slTD]\s*\S+|-[nrpRi]\s*\d+|-{1,2}[a-zA-Z][\w-]*))*\s*")

PYTHON_INSIDE = frozenset({"capture", "memit", "prun", "time", "timeit"})
"""Magics whose cell, or rest of the line, is Python that runs in the notebook's namespace."""

LANGUAGES = frozenset({"fs", "md", "md-sandbox", "python", "r", "scala", "sh", "sql"})
"""Databricks' cell magics, for which one percent sign is enough."""


@dataclass(frozen=True, slots=True)
class Magic:
    """A part of a cell that is not Python.

    Attributes:
        kind: ``"cell"`` for a magic at the head of a cell, ``"line"`` for one on a line,
            ``"shell"`` for a line with an exclamation mark, ``"help"`` for one with a question
            mark.
        first, last: The places of its first and its last line in the cell, from 0. A magic of
            `PYTHON_INSIDE` at the head of a cell is its own line alone.
        indent: The white space before it.
        target: What its value is assigned to, as written; empty for nothing.
        name: Its name without percent signs; empty for shell and help lines.
        rest: What follows on its line, and on lines continued by a backslash.
        python: The Python on the same line, for a magic of `PYTHON_INSIDE`; empty for none.
    """

    kind: Literal["cell", "line", "shell", "help"]
    first: int
    last: int
    indent: str
    target: str
    name: str
    rest: str
    python: str = ""


def find_magics(lines: Sequence[str], *, single_percent: bool = False) -> list[Magic]:
    """Return what in a cell is not Python, in order.

    Args:
        lines: The cell's lines without their ends.
        single_percent: Whether one percent sign at the head of the cell names a language for
            all of it, as Databricks has it.

    Examples:
        >>> [magic.name for magic in find_magics(["%%time", "x = 1", "%matplotlib inline"])]
        ['time', 'matplotlib']
    """
    found = _head_magics(lines, single_percent)
    if found and found[-1].last == len(lines) - 1 and not _is_python_inside(found[-1]):
        return found
    python = list(lines)
    for magic in found:
        python[magic.first] = magic.python
    if is_python("\n".join(python)):
        return found
    index = found[-1].last + 1 if found else 0
    while index < len(lines):
        line = None if _is_inside(python[:index]) else _line_magic(lines, index)
        if line is None:
            index += 1
            continue
        found.append(line)
        python[index : line.last + 1] = [f"{line.indent}pass", *[""] * (line.last - index)]
        index = line.last + 1
    return found


def masked(text: str, *, single_percent: bool = False) -> str:
    r"""Return a cell with all that is not Python replaced by as many characters of Python.

    A cell in another language becomes blank; a line becomes ``0``, or an assignment of it. So
    the result can be parsed, and every place in it is the same place in the text.

    Args:
        text: The cell.
        single_percent: See `find_magics`.

    Examples:
        >>> masked("%time x = f()\n!ls\nfiles = !ls -l")
        'if 1: x = f()\n0  \nfiles =0      '
    """
    lines = re.split(r"(\r\n|\n|\r)", text)
    ends = [*lines[1::2], ""]
    lines = lines[::2]
    result = list(lines)
    for magic in find_magics(lines, single_percent=single_percent):
        for index in range(magic.first, magic.last + 1):
            result[index] = " " * len(lines[index])
        line = lines[magic.first]
        if magic.python and magic.target:
            head = line[: line.index("%", line.index("="))]
            result[magic.first] = head + magic.python.rjust(len(line) - len(head))
        elif magic.python:
            code = magic.python.rstrip()
            code_at = line.rindex(code)
            result[magic.first] = f"{magic.indent}if 1:".ljust(code_at) + line[code_at:]
        elif magic.kind != "cell":
            head = line[: line.index("=") + 1] if magic.target else magic.indent
            result[magic.first] = f"{head}0".ljust(len(line))
    return "".join(line + end for line, end in zip(result, ends, strict=True))


def is_python(text: str) -> bool:
    """Tell whether a text parses as Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):  # a null byte is a ValueError
            return False
    return True


def _is_python_inside(magic: Magic) -> bool:
    return magic.name in PYTHON_INSIDE or magic.name == "python"


def _head_magics(lines: Sequence[str], single_percent: bool) -> list[Magic]:
    """Return the magics at the head of a cell; only the last can be another language."""
    found: list[Magic] = []
    for index, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _CELL_MAGIC.match(line)
        is_single = match is None and single_percent
        if is_single:
            match = _LANGUAGE.match(line)
        if match is None or (is_single and match["name"] not in LANGUAGES):
            break
        name, rest = match["name"], match["rest"]
        if name in PYTHON_INSIDE:
            found.append(Magic("cell", index, index, "", "", name, rest))
        elif name == "python" and single_percent:
            found.append(Magic("cell", index, index, "", "", name, rest, rest.strip()))
        else:
            found.append(Magic("cell", index, len(lines) - 1, "", "", name, rest))
            break
    return found


def _line_magic(lines: Sequence[str], index: int) -> Magic | None:
    line = lines[index]
    kinds: list[tuple[Literal["line", "shell", "help"], re.Pattern[str]]] = [
        ("line", _ASSIGNED_MAGIC), ("shell", _ASSIGNED_SHELL),
        ("line", _LINE_MAGIC), ("shell", _SHELL), ("help", _HELP),
        ("line", _AUTOMATIC),
    ]  # fmt: skip
    for kind, pattern in kinds:
        match = pattern.match(line)
        if match is None:
            continue
        name = match["name"] if kind == "line" else ""
        rest = match["rest"]
        if name in PYTHON_INSIDE:
            options = _OPTIONS.match(rest)
            code = rest[options.end() if options else 0 :]
            if code.strip() and is_python(code.strip()):
                return Magic(kind, index, index, match["indent"], match["target"], name, rest, code)
        last = index
        while kind != "help" and lines[last].endswith("\\") and last + 1 < len(lines):
            last += 1
            rest = rest.removesuffix("\\") + lines[last].strip()
        return Magic(kind, index, last, match["indent"], match["target"], name, rest)
    return None


def _is_inside(lines: Sequence[str]) -> bool:
    """Tell whether a statement, a bracket or a string is still open after these lines."""
    if lines and lines[-1].endswith("\\"):
        return True
    try:
        for _ in tokenize.generate_tokens(io.StringIO("\n".join(lines) + "\n").readline):
            pass
    except tokenize.TokenError:
        return True
    except SyntaxError:  # an indentation that fits nothing: Python will say so
        return False
    return False
