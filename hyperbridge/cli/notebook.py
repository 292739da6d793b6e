"""Read a notebook as Python code to run in order, with what it includes by ``%run``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from hyperbridge.cli import databricks, jupyter
from hyperbridge.cli.cells import Cell, Code, Include
from hyperbridge.cli.magics import to_python
from hyperbridge.errors import InvalidArgumentError


def is_notebook(path: Path, content: bytes) -> bool:
    """Tell whether a file is a notebook, by its suffix or its first line."""
    return path.suffix == ".ipynb" or databricks.is_databricks_source(content)


def read_notebook(path: Path) -> list[Code]:
    """Return a notebook's Python code; what else it holds is left out with a note on stderr.

    Args:
        path: A file that `is_notebook` accepts.

    Raises:
        InvalidArgumentError: The file cannot be read as a Python notebook, it includes itself,
            or a line needs IPython to get a value.
    """
    return list(_read(path, ()))


def _read(path: Path, including: tuple[Path, ...]) -> Iterator[Code]:
    if path.resolve() in including:
        raise InvalidArgumentError(f"'{path}' includes itself by way of %run")
    for cell in _cells(path):
        for part in to_python(cell, note=_note):
            if isinstance(part, Code):
                yield part
                continue
            included = _find(part, path.parent)
            if included is None:
                _note(f"{part.where}: skipped %run {part.target}: there is no such file")
            else:
                yield from _read(included, (*including, path.resolve()))


def _cells(path: Path) -> list[Cell]:
    return jupyter.read_cells(path) if path.suffix == ".ipynb" else databricks.read_cells(path)


def _find(include: Include, directory: Path) -> Path | None:
    for suffix in ("", ".py", ".ipynb"):
        candidate = directory / (include.target + suffix)
        if candidate.is_file():
            return candidate
    return None


def _note(text: str) -> None:
    print(f"hyperbridge: {text}", file=sys.stderr)
