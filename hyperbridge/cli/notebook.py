"""A notebook as a program: read it with what it includes, check what it needs, run its cells."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from hyperbridge.cli import execution
from hyperbridge.cli.dbutils import DbUtils
from hyperbridge.cli.dbutils.flow import find_notebook
from hyperbridge.cli.notebook_check import (
    Use,
    defines_unknown_names,
    missing_modules,
    problems_of,
    undefined_names,
    uses_of,
    widgets_named,
)
from hyperbridge.cli.notebook_names import (
    SPARK_NAMES,
    available,
    databricks_utils,
    display,
    has_databricks_utils,
    names_needed,
    provide,
)
from hyperbridge.cli.notebook_python import RUNTIME, to_python
from hyperbridge.cli.notebook_runtime import Runtime
from hyperbridge.cli.process import Program, new_main, take_over
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.notebooks import databricks, jupyter
from hyperbridge.notebooks.cells import Cell, Code, Include


def is_notebook(path: Path, content: bytes) -> bool:
    """Tell whether a file is a notebook, by its suffix or its first line."""
    return path.suffix == ".ipynb" or databricks.is_databricks_source(content)


class Notebook(Program):
    """A Jupyter notebook or a notebook in Databricks source format.

    Args:
        path: As the user wrote it.
        args: What it finds in ``sys.argv[1:]``.
        widgets: Values for its widgets, by name.

    Raises:
        InvalidArgumentError: It cannot be read, or needs what is not here.
    """

    def __init__(self, path: str, args: Sequence[str], widgets: Mapping[str, str]) -> None:
        self._path = path
        self._args = args
        self._widgets = widgets
        self._not_found: list[str] = []
        self._codes = list(_read(Path(path), (), self._not_found))
        needed = names_needed(self._codes)
        uses = uses_of(self._codes)
        self._names = available(needed)
        if not widgets and all(use.is_guarded for use in uses if use.chain[0] == "dbutils"):
            # The code knows what to do where there is no dbutils: let it.
            self._names.discard("dbutils")
        if any(use.chain == (RUNTIME, "sql") for use in uses):
            needed.add("spark")
            self._names |= available({"spark"})
        self._check(uses, needed)
        if any(arg.startswith("--widget") for arg in args):
            _note(f"--widget after {path} is an argument of the notebook itself; put it before")

    def run(self) -> None:
        """Run the cells in order. See `Program.run`."""
        file = os.path.abspath(self._path)
        # In Jupyter a notebook has no __file__; processes that it starts would run the file.
        main = new_main(file=None if file.endswith(".ipynb") else file)
        take_over(main, [self._path, *self._args], path0=os.path.dirname(os.path.realpath(file)))
        self._provide(main)
        execution.run_cells(self._codes, main.__dict__)

    def _provide(self, main: ModuleType) -> None:
        namespace = main.__dict__
        real = databricks_utils() if "dbutils" in self._names else None
        dbutils = DbUtils(Path(os.path.abspath(self._path)), self._widgets, real)
        provide(self._names, namespace, dbutils)
        namespace[RUNTIME] = Runtime(namespace, dbutils.widgets, dbutils.fs, display)

    def _check(self, uses: list[Use], needed: set[str]) -> None:
        """Refuse what is sure to fail, and say what may."""
        undefined = undefined_names(needed, self._names | {RUNTIME, "dbutils"})
        if defines_unknown_names(self._codes):
            undefined &= SPARK_NAMES
        sure: dict[str, str] = {}  # the first place by reason
        said: set[str] = set()
        for use, reason in problems_of(
            uses,
            undefined=undefined,
            is_databricks=has_databricks_utils(),
            directory=Path(self._path).parent,
        ):
            if use.is_certain:
                sure.setdefault(reason, use.where)
            elif reason not in said:
                said.add(reason)
                _note(f"{use.where}: {reason}. The notebook fails where it comes to that")
        directory = Path(self._path).parent
        for use, reason in missing_modules(uses, self._codes, directory):
            sure.setdefault(reason, use.where)
        if sure:
            lines = [*self._not_found, *(f"{place}: {reason}" for reason, place in sure.items())]
            raise InvalidArgumentError(
                f"'{self._path}' would fail here, so nothing of it is run:\n  " + "\n  ".join(lines)
            )
        for name in sorted(set(self._widgets) - (widgets_named(uses) or set(self._widgets))):
            _note(f"no cell of {self._path} has the widget {name!r} of --widget")


def _read(path: Path, including: tuple[Path, ...], not_found: list[str]) -> Iterator[Code]:
    """Return the code of a notebook and of those that it includes.

    Args:
        path: The notebook.
        including: Those that are being read.
        not_found: Gets a line for each notebook that is not there.
    """
    if path.resolve() in including:
        raise InvalidArgumentError(f"'{path}' includes itself by way of %run")
    for cell in _cells(path):
        for part in to_python(cell, note=_note):
            if isinstance(part, Code):
                yield part
                continue
            included = find_notebook(part.target, path.parent)
            if included is None:
                not_found.append(f"{part.where}: %run {part.target}: there is no such file")
                _note(f"{part.where}: skipped %run {part.target}: there is no such file")
                continue
            codes = _read(included, (*including, path.resolve()), not_found)
            yield from _with_arguments(cell, part, codes)


def _with_arguments(cell: Cell, include: Include, codes: Iterator[Code]) -> Iterator[Code]:
    """Put calls around the code of an included notebook that give it its arguments."""
    if not include.values and not include.arguments:
        yield from codes
        return
    values, arguments = dict(include.values), list(include.arguments)
    yield Code(cell, cell.first_line, f"{RUNTIME}.enter({values!r}, {arguments!r})\n")
    yield from codes
    yield Code(cell, cell.first_line, f"{RUNTIME}.leave()\n")


def _cells(path: Path) -> list[Cell]:
    return jupyter.read_cells(path) if path.suffix == ".ipynb" else databricks.read_cells(path)


def _note(text: str) -> None:
    print(f"hyperbridge: {text}", file=sys.stderr)
