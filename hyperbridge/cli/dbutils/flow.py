"""``dbutils.notebook``: run another notebook, end this one.

Source: Databricks documentation, "Notebook utility (dbutils.notebook)".
"""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hyperbridge.errors import HyperbridgeError
from hyperbridge.surface.keepers import environment_of_child

_EXIT_FILE = "HYPERBRIDGE_NOTEBOOK_EXIT"
"""Environment variable of a notebook that another one runs: where it leaves its exit value."""


class NotebookExit(SystemExit):
    """A notebook called ``dbutils.notebook.exit``."""


class NotebookFailedError(HyperbridgeError, RuntimeError):
    """A notebook that another one ran has failed, or was not there, or took too long."""


class Flow:
    """``dbutils.notebook``.

    Args:
        path: The file of the notebook that has it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def exit(self, value: Any = "") -> None:
        """End the notebook, with a value for the one that runs it.

        Raises:
            NotebookExit: Always.
        """
        file = os.environ.pop(_EXIT_FILE, None)
        if file is None:
            print(f"Notebook exited: {value}")
        else:
            Path(file).write_text(str(value), encoding="utf-8")
        raise NotebookExit(0)

    def run(
        self,
        path: str,
        timeout_seconds: float = 0,
        arguments: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Run another notebook in a process of its own and return its exit value.

        Args:
            path: Relative to this notebook, or a path of the workspace.
            timeout_seconds: When to end it; 0 for never.
            arguments: Values of its widgets by name.

        Returns:
            What it gave to ``dbutils.notebook.exit``; None when it did not call that.

        Raises:
            NotebookFailedError: It is not there, it failed, or it took too long.
        """
        found = find_notebook(path, self._path.parent)
        if found is None:
            raise NotebookFailedError(f"there is no notebook {path!r} beside {self._path}")
        widgets = [f"--widget={name}={value}" for name, value in (arguments or {}).items()]
        command = [sys.executable, "-m", "hyperbridge", "run", *widgets, str(found)]
        sys.stdout.flush()
        with tempfile.TemporaryDirectory(prefix="hyperbridge-notebook-") as folder:
            file = Path(folder) / "value"
            environment = {
                **os.environ, **environment_of_child(found.stem), _EXIT_FILE: str(file)
            }  # fmt: skip
            try:
                ended = subprocess.run(command, env=environment, timeout=timeout_seconds or None)
            except subprocess.TimeoutExpired:
                raise NotebookFailedError(
                    f"notebook {path!r} did not end within {timeout_seconds} s"
                ) from None
            if ended.returncode:
                raise NotebookFailedError(
                    f"notebook {path!r} failed with exit code {ended.returncode}; its error is "
                    "above"
                )
            return file.read_text(encoding="utf-8") if file.exists() else None

    def getContext(self) -> Context:  # noqa: N802 - Databricks' name
        """Return what is known of where the notebook runs."""
        return Context(self._path)

    @property
    def entry_point(self) -> EntryPoint:
        """The way to the same context that older notebooks take."""
        return EntryPoint(self)


def find_notebook(target: str, directory: Path) -> Path | None:
    """Return the file of a notebook that another one names.

    An absolute path is one of the Databricks workspace: its longest end that is a file beside the
    notebook, or in a folder above it, is taken.

    Args:
        target: The path as written, with or without suffix.
        directory: The folder of the notebook that names it.
    """
    suffixes = ("", ".py", ".ipynb")
    places = [directory / target]
    if target.startswith("/"):
        parts = Path(target).parts[1:]
        above = [directory.resolve(), *directory.resolve().parents]
        places += [base.joinpath(*parts[i:]) for i in range(len(parts)) for base in above]
    for place in places:
        for suffix in suffixes:
            candidate = Path(f"{place}{suffix}")
            if candidate.is_file():
                return candidate
    return None


class EntryPoint:
    """``dbutils.notebook.entry_point``, as far as ``getDbutils().notebook().getContext()``."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def getDbutils(self) -> EntryPoint:  # noqa: N802
        """Return what has `notebook`."""
        return self

    def notebook(self) -> Flow:
        """Return what has ``getContext``."""
        return self._flow


class Optional:
    """A value in the manner of Scala's ``Option``."""

    def __init__(self, value: str) -> None:
        self._value = value

    def get(self) -> str:
        """Return the value."""
        return self._value

    def getOrElse(self, default: Any) -> str:  # noqa: ARG002, N802
        """Return the value; it is always there."""
        return self._value


class Context:
    """What is known of where a notebook runs: its path, its user."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def notebookPath(self) -> Optional:  # noqa: N802
        """Return the notebook's path, without suffix."""
        return Optional(str(self._path.absolute().with_suffix("")))

    def userName(self) -> Optional:  # noqa: N802
        """Return the user's name on this machine."""
        return Optional(getpass.getuser())

    def toJson(self) -> str:  # noqa: N802
        """Return the context as JSON, in the places where notebooks look for it."""
        path = self.notebookPath().get()
        return json.dumps(
            {"extraContext": {"notebook_path": path}, "tags": {"user": getpass.getuser()}}
        )
