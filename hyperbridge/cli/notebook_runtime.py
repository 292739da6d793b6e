"""What the Python of a notebook calls in the place of magics: shell, SQL, files, settings.

Source: IPython documentation, "Built-in magic commands"; Databricks documentation, "Develop code in
Databricks notebooks" and "Databricks widgets" (widgets in SQL).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import string
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hyperbridge.cli.dbutils.widgets import Widgets

_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|--[^\n]*|/\*.*?\*/"
_STATEMENT = re.compile(rf"(?:{_QUOTED}|[^;])+", re.DOTALL)
_MARKER = re.compile(rf"{_QUOTED}|(?<![\w:]):(?P<name>[A-Za-z_]\w*)", re.DOTALL)
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_CREATE = re.compile(
    r"\s*CREATE\s+WIDGET\s+\w+\s+(?P<name>\w+)\s+DEFAULT\s+(?P<quote>['\"])(?P<value>.*?)(?P=quote)",
    re.IGNORECASE | re.DOTALL,
)
_REMOVE = re.compile(r"\s*REMOVE\s+WIDGET\s+(?P<name>\w+)", re.IGNORECASE)


class Runtime:
    """The object behind ``__notebook__``.

    Args:
        namespace: The notebook's globals.
        widgets: Its widgets.
        files: ``dbutils.fs``.
        display: Shows a value.
    """

    def __init__(
        self,
        namespace: Mapping[str, Any],
        widgets: Widgets,
        files: Any,
        display: Callable[[object], None],
    ) -> None:
        self._namespace = namespace
        self._widgets = widgets
        self._files = files
        self._display = display
        self._included: list[contextlib.ExitStack] = []

    def enter(self, values: Mapping[str, str], arguments: Sequence[str]) -> None:
        """Begin with a notebook that ``%run`` names, and its arguments."""
        stack = contextlib.ExitStack()
        stack.enter_context(self._widgets.given(values))
        argv = sys.argv
        stack.callback(lambda: setattr(sys, "argv", argv))
        if arguments:
            sys.argv = [argv[0], *arguments]
        self._included.append(stack)

    def leave(self) -> None:
        """End the notebook that `enter` began with."""
        self._included.pop().close()

    def sql(self, text: str) -> Any:
        """Run SQL statements, show the result of the last one and return it."""
        result = None
        for match in _STATEMENT.finditer(text):
            statement = match[0].strip()
            if not _COMMENTS.sub("", statement).strip():
                continue
            create, remove = _CREATE.match(statement), _REMOVE.match(statement)
            if create is not None:
                self._widgets.text(create["name"], create["value"])
            elif remove is not None:
                self._widgets.remove(remove["name"])
            else:
                result = self._run_sql(statement)
        if result is not None and result.columns:
            self._display(result)
        return result

    def _run_sql(self, statement: str) -> Any:
        values = self._widgets.getAll()
        statement = re.sub(
            r"\$\{(\w+)\}|(?<!\\)\$(\w+)",
            lambda match: values.get(match[1] or match[2], match[0]),
            statement,
        )
        names = {match["name"] for match in _MARKER.finditer(statement) if match["name"]}
        arguments = {name: values[name] for name in names if name in values}
        spark = self._namespace["spark"]
        return spark.sql(statement, args=arguments) if arguments else spark.sql(statement)

    def fs(self, words: Sequence[str]) -> Any:
        """Do what ``%fs`` says: the name of a function of ``dbutils.fs`` and its arguments."""
        result = getattr(self._files, words[0])(*words[1:])
        for entry in result if isinstance(result, list) else [result]:
            print(entry)
        return result

    def shell(self, command: str) -> None:
        """Run a line in a shell; as in IPython, a command that fails is not an error."""
        sys.stdout.flush()
        subprocess.run(self._expanded(command), shell=True)

    def shell_lines(self, command: str) -> list[str]:
        """Run a line in a shell and return what it prints, by lines."""
        ended = subprocess.run(
            self._expanded(command),
            shell=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return ended.stdout.splitlines()

    def shell_cell(self, text: str, *, strict: bool) -> None:
        """Run a script in a shell.

        Args:
            text: The script.
            strict: Whether a script that fails is an error.
        """
        sys.stdout.flush()
        shell = shutil.which("bash") or shutil.which("sh") or "sh"
        subprocess.run([shell, "-c", text], check=strict)

    def write_file(self, path: str, text: str, *, append: bool) -> None:
        """Write a cell to a file."""
        place = Path(path).expanduser()
        with place.open("a" if append else "w", encoding="utf-8") as stream:
            stream.write(text)
        print(f"{'Appending to' if append else 'Writing'} {path}")

    def set_env(self, name: str, value: str) -> None:
        """Set an environment variable."""
        os.environ[name] = self._expanded(value)

    def change_directory(self, path: str) -> None:
        """Change to another folder."""
        os.chdir(Path(self._expanded(path).strip("'\"")).expanduser())

    def captured(self) -> Captured:
        """Return what stands for the output of a cell, which is shown and not captured."""
        return Captured()

    def _expanded(self, text: str) -> str:
        """Put values of the notebook in the place of ``{expression}`` and ``$name``."""
        with contextlib.suppress(Exception):  # then the shell gets the text as it is
            text = _Braces(self._namespace).format(text)
        return re.sub(
            r"(?<!\\)\$([A-Za-z_]\w*)",
            lambda match: str(self._namespace.get(match[1], match[0])),
            text,
        )


class _Braces(string.Formatter):
    """Evaluates what stands in braces, as IPython does."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._names = dict(namespace)

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:  # noqa: ARG002
        return eval(field_name, self._names), field_name


class Captured:
    """The output of a ``%%capture`` cell: none, since it was shown."""

    stdout = ""
    stderr = ""
    outputs: Sequence[Any] = ()

    def show(self) -> None:
        """Show nothing again."""

    __call__ = show
