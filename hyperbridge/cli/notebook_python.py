"""Turn the cells of a notebook into Python to run.

Magics that only time or capture give way to their code. Shell lines, SQL, files and settings become
calls of the notebook's own runtime, ``__notebook__`` (see `hyperbridge.cli.notebook_runtime`). The
rest is left out, and a note says so before anything runs.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.notebooks.cells import Cell, Code, Include
from hyperbridge.notebooks.magics import PYTHON_INSIDE, Magic, find_magics

RUNTIME = "__notebook__"
"""The name by which the Python of a notebook reaches its runtime."""

_INSTALLS = re.compile(
    r"\s*(?:sudo\s+)?(?:python\S*\s+-m\s+)?(?:\S*/)?(?:pip3?|conda|mamba|uv|apt|apt-get)\s"
)
_TEXT = frozenset({"markdown", "md", "md-sandbox"})
_SHELLS = frozenset({"bash", "sh"})

Note = Callable[[str], None]


def to_python(cell: Cell, *, note: Note) -> Iterator[Code | Include]:
    """Return the Python of a cell, in pieces where ``%run`` stands between.

    Args:
        cell: The cell.
        note: Called with a sentence for everything that is left out or done in another way.

    Raises:
        InvalidArgumentError: A line assigns the value of a magic that only IPython has.
    """
    lines = cell.text.splitlines()
    python = list(lines)
    start = 0
    for magic in find_magics(lines, single_percent=cell.single_percent):
        where = cell.where(magic.first)
        python[magic.first : magic.last + 1] = [""] * (magic.last + 1 - magic.first)
        if magic.kind == "line" and magic.name == "run" and not (magic.indent or magic.target):
            yield from _piece(cell, python, start, magic.first)
            yield _include(magic, where)
            start = magic.last + 1
        elif magic.kind == "cell":
            python[magic.first] = _cell_code(magic, lines, where, cell.single_percent, note)
        else:
            python[magic.first] = magic.indent + _line_code(magic, lines[magic.first], where, note)
    yield from _piece(cell, python, start, len(python))


def _piece(cell: Cell, lines: list[str], start: int, end: int) -> Iterator[Code]:
    if any(line.strip() for line in lines[start:end]):
        yield Code(cell, cell.first_line + start, "\n".join(lines[start:end]) + "\n")


def _include(magic: Magic, where: str) -> Include:
    words = [word for word in _words(magic.rest) if not re.match(r"-[a-z]$", word)]
    if not words:
        raise InvalidArgumentError(f"{where}: %run needs the path of a notebook or file")
    values = {}
    arguments = []
    for word in words[1:]:
        name, equals, value = word.removeprefix("$").partition("=")
        if word.startswith("$") and equals:
            values[name] = value
        else:
            arguments.append(word)
    return Include(where, words[0], values, tuple(arguments))


def _cell_code(magic: Magic, lines: list[str], where: str, is_databricks: bool, note: Note) -> str:
    """Return one line of Python that does what a magic does with its cell."""
    name, rest = magic.name, magic.rest.strip()
    if name in _TEXT:
        return ""
    if name == "python" and is_databricks:
        return magic.python
    if name in PYTHON_INSIDE:
        note(f"{where}: ran the cell without %%{name}")
        captured = [word for word in _words(rest) if not word.startswith("-")]
        if name == "capture" and captured and captured[0].isidentifier():
            return f"{captured[0]} = {RUNTIME}.captured()"
        return ""
    body = "\n".join(lines[magic.first + 1 : magic.last + 1])
    whole = f"{rest}\n{body}" if is_databricks else body
    if name in _SHELLS:
        # Databricks goes on after a command that fails, unless told otherwise
        is_strict = not is_databricks or rest.startswith("-e")
        return _shell(whole.removeprefix("-e"), "shell_cell", where, note, strict=is_strict)
    if name == "sql" and is_databricks:
        return f"_sqldf = {RUNTIME}.sql({whole!r})"
    if name == "fs" and is_databricks:
        return f"{RUNTIME}.fs({_words(whole)!r})"
    if name in ("writefile", "file"):
        append = "-a" in _words(rest)
        paths = [word for word in _words(rest) if word != "-a"]
        if len(paths) == 1:
            return f"{RUNTIME}.write_file({paths[0]!r}, {body + chr(10)!r}, append={append})"
    note(f"{where}: skipped the cell, which is {lines[magic.first].strip()}")
    return ""


def _line_code(magic: Magic, line: str, where: str, note: Note) -> str:
    """Return one line of Python that does what a magic on a line does."""
    assign = f"{magic.target} = " if magic.target else ""
    if magic.kind == "shell" or magic.name in ("sh", "sx", "system"):
        function = "shell_lines" if assign or magic.name == "sx" else "shell"
        return assign + _shell(magic.rest, function, where, note)
    if magic.python and (not assign or magic.name == "time"):
        note(f"{where}: ran the line without %{magic.name}")
        return assign + magic.python.strip()
    if magic.target:
        raise InvalidArgumentError(
            f"{where}: {line.strip()} needs IPython to get a value. Write it in Python."
        )
    words = magic.rest.split(maxsplit=1)
    if magic.name in ("env", "set_env") and words:
        name, equals, value = magic.rest.strip().partition("=")
        if not equals and len(words) == 2:
            name, value = words
        if value:
            return f"{RUNTIME}.set_env({name.strip()!r}, {value.strip()!r})"
    if magic.name == "cd" and words:
        return f"{RUNTIME}.change_directory({magic.rest.strip()!r})"
    note(f"{where}: skipped {line.strip()}")
    return "pass"


def _shell(
    command: str, function: str, where: str, note: Note, *, strict: bool | None = None
) -> str:
    """Return the Python that runs a command, unless all it does is to install something."""
    commands = [line for line in command.splitlines() if line.strip() and line.strip()[0] != "#"]
    if commands and all(map(_INSTALLS.match, commands)):
        note(f"{where}: skipped {' ; '.join(each.strip() for each in commands)}; install it here")
        return "[]" if function == "shell_lines" else "pass"
    option = "" if strict is None else f", strict={strict}"
    return f"{RUNTIME}.{function}({command!r}{option})"


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an unbalanced quote
        return text.split()
