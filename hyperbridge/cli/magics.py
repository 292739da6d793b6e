"""Turn IPython's syntax into Python: magics, shell lines and help lines are no Python.

Source: IPython documentation, "Input transformation" and "Built-in magic commands". What only
times or captures code gives way to that code; the rest is left out, and a note says so.
"""

from __future__ import annotations

import ast
import io
import re
import shlex
import tokenize
import warnings
from collections.abc import Callable, Iterator

from hyperbridge.cli.cells import Cell, Code, Include
from hyperbridge.errors import InvalidArgumentError

_CELL_MAGIC = re.compile(r"\s*%%(?P<name>\w+)(?P<rest>.*)")
_LANGUAGE = re.compile(r"\s*%(?P<name>md-sandbox|\w+)(?P<rest>.*)")
_LINE_MAGIC = re.compile(r"(?P<indent>\s*)%{1,2}(?P<name>\w+)(?P<rest>.*)")
_SHELL = re.compile(r"(?P<indent>\s*)!(?P<command>.*)")
_HELP = re.compile(r"(?P<indent>\s*)(?:\?{1,2}\s*[\w.*%]+|[\w.*%]+\s*\?{1,2})\s*;?\s*$")
_RESTART = re.compile(r"(?P<indent>\s*)dbutils\.library\.restartPython\(\s*\)\s*;?\s*(?:#.*)?$")
_ASSIGNED = re.compile(r"\s*(?P<names>[\w.,\s\[\]'\"]+?)\s*=\s*(?P<value>!.*|%\w.*)")

# Their cell is Python that runs in the notebook's own namespace.
_WRAPPERS = frozenset({"capture", "memit", "prun", "time", "timeit"})
# In Databricks source one percent sign is enough for these.
_LANGUAGES = frozenset({"fs", "md", "md-sandbox", "python", "r", "scala", "sh", "sql"})
_TEXT = frozenset({"markdown", "md", "md-sandbox"})

Note = Callable[[str], None]


def to_python(cell: Cell, *, note: Note) -> Iterator[Code | Include]:
    """Return the Python of a cell, in pieces where ``%run`` stands between.

    Args:
        cell: The cell.
        note: Called with a sentence for everything that is left out.

    Raises:
        InvalidArgumentError: A line assigns what a magic or a shell command returns.
    """
    lines = cell.text.splitlines()
    if not _strip_cell_magics(cell, lines, note):
        return
    _skip_restarts(cell, lines, note)
    if _is_python("\n".join(lines)):
        yield Code(cell, cell.first_line, "\n".join(lines) + "\n")
        return
    start = 0
    for index in range(len(lines)):
        if _is_inside(lines[start:index]):
            continue
        include = _replace(cell, lines, index, note)
        if include is not None:
            yield Code(cell, cell.first_line + start, "\n".join(lines[start:index]) + "\n")
            yield include
            start = index + 1
    yield Code(cell, cell.first_line + start, "\n".join(lines[start:]) + "\n")


def _strip_cell_magics(cell: Cell, lines: list[str], note: Note) -> bool:
    """Blank the magics at the head of a cell, in place; tell whether Python is left."""
    for index, line in enumerate(lines):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _CELL_MAGIC.match(line)
        if match is None and cell.single_percent:
            match = _LANGUAGE.match(line)
            if match is not None and match["name"] not in _LANGUAGES:
                return True
        if match is None:
            return True
        name = match["name"]
        if name in _TEXT:
            return False
        if name == "python" and cell.single_percent:
            lines[index] = match["rest"].strip()
        elif name in _WRAPPERS:
            note(f"{cell.where(index)}: ran the cell without %%{name}")
            lines[index] = ""
        else:
            note(f"{cell.where(index)}: skipped the cell, which is {line.strip()}")
            return False
    return True


def _skip_restarts(cell: Cell, lines: list[str], note: Note) -> None:
    """Leave out what makes ``%pip`` take effect on Databricks, as ``%pip`` itself is."""
    for index, line in enumerate(lines):
        match = _RESTART.match(line)
        if match is not None and not _is_inside(lines[:index]):
            note(f"{cell.where(index)}: skipped {line.strip()}")
            lines[index] = f"{match['indent']}pass"


def _replace(cell: Cell, lines: list[str], index: int, note: Note) -> Include | None:
    """Put Python in the place of a line that is none."""
    line, where = lines[index], cell.where(index)
    assigned = _ASSIGNED.match(line)
    if assigned is not None:
        raise InvalidArgumentError(
            f"{where}: {assigned['names']} = {assigned['value']} needs IPython to get a value. "
            "Write it in Python, for a shell command with subprocess.run."
        )
    magic = _LINE_MAGIC.match(line)
    other = _SHELL.match(line) or _HELP.match(line)
    if magic is not None and magic["name"] == "time" and _is_python(magic["rest"].strip()):
        note(f"{where}: ran the line without %time")
        lines[index] = magic["indent"] + magic["rest"].strip()
        return None
    if magic is None and other is None:
        return None
    indent = (magic or other)["indent"]  # type: ignore[index]  # one of them matched
    _blank(lines, index, indent)
    if magic is not None and magic["name"] == "run" and not indent:
        words = [word for word in _words(magic["rest"]) if not word.startswith("-")]
        if words:
            if len(words) > 1:
                note(f"{where}: %run without its arguments: {' '.join(words[1:])}")
            return Include(where, words[0])
    note(f"{where}: skipped {line.strip()}")
    return None


def _blank(lines: list[str], index: int, indent: str) -> None:
    continued = lines[index].endswith("\\")
    lines[index] = f"{indent}pass"
    while continued and index + 1 < len(lines):
        index += 1
        continued = lines[index].endswith("\\")
        lines[index] = ""


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an unbalanced quote
        return text.split()


def _is_python(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            ast.parse(text)
        except SyntaxError:
            return False
    return True


def _is_inside(lines: list[str]) -> bool:
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
