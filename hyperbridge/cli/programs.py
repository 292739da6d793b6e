"""The programs that ``hyperbridge run`` can run: a script, a module, a notebook.

What a program finds around itself (``sys.argv``, ``sys.path[0]``, the names in ``__main__``) is
described in the Python reference, "Command line and environment".
"""

from __future__ import annotations

import importlib.util
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from hyperbridge.cli import execution, notebook_names
from hyperbridge.cli.cells import Code
from hyperbridge.cli.notebook import is_notebook, read_notebook
from hyperbridge.errors import InvalidArgumentError


class Program(ABC):
    """Something to run once, as the process's main program."""

    @abstractmethod
    def run(self) -> None:
        """Run it as ``__main__``.

        Raises:
            BaseException: What it raised. Python prints the traceback as if it had been
                started alone.
        """


def load(target: Sequence[str]) -> Program:
    """Return the program that the command line names, read but not started.

    Args:
        target: ``[SCRIPT, ARG...]`` or ``["-m", MODULE, ARG...]``.

    Raises:
        InvalidArgumentError: There is no such file, or it is no program, or the module's name
            is relative.
    """
    if target[0] == "-m":
        if target[1].startswith("."):
            raise InvalidArgumentError(
                f"'{target[1]}' is a relative name; give the whole name of the module"
            )
        return Module(target[1], target[2:])
    path = Path(target[0])
    try:
        source = path.read_bytes()
    except IsADirectoryError:
        raise InvalidArgumentError(
            f"'{target[0]}' is a directory; give a file, or -m PACKAGE for a package"
        ) from None
    except OSError as exc:
        raise InvalidArgumentError(f"can't open file '{target[0]}': {exc.strerror}") from None
    if is_notebook(path, source):
        return Notebook(target[0], read_notebook(path), target[1:])
    return Script(target[0], source, target[1:])


class Script(Program):
    """A Python source file.

    Args:
        path: As the user wrote it.
        source: Its content.
        args: Its arguments.
    """

    def __init__(self, path: str, source: bytes, args: Sequence[str]) -> None:
        self._path = path
        self._source = source
        self._args = args

    def run(self) -> None:
        """Run the script. See `Program.run`."""
        file = os.path.abspath(self._path)
        main = _new_main(file=file)
        main.__loader__ = SourceFileLoader("__main__", file)
        _take_over(main, [self._path, *self._args], path0=os.path.dirname(os.path.realpath(file)))
        execution.run_source(self._source, file, main.__dict__)


class Module(Program):
    """A module or package found on ``sys.path``, as for ``python -m``.

    Args:
        name: Its dotted name.
        args: Its arguments.
    """

    def __init__(self, name: str, args: Sequence[str]) -> None:
        self._name = name
        self._args = args

    def run(self) -> None:
        """Run the module. See `Program.run`.

        Raises:
            SystemExit: Code 2 when there is no such module.
        """
        _set_path0(os.getcwd())
        sys.argv = ["-m", *self._args]
        spec = self._find(self._name)
        loader = spec.loader
        get_code = getattr(loader, "get_code", None)
        code = execution.call(get_code, spec.name) if get_code is not None else None
        if code is None:
            _refuse(f"'{self._name}' has no Python code to run")
        main = _new_main(file=spec.origin if spec.has_location else None)
        main.__loader__ = loader
        main.__spec__ = spec
        main.__package__ = spec.parent
        main.__dict__["__cached__"] = spec.cached
        _take_over(main, [spec.origin or self._name, *self._args], path0=os.getcwd())
        execution.run_code(code, main.__dict__)

    def _find(self, name: str) -> ModuleSpec:
        try:
            spec = execution.call(importlib.util.find_spec, name)
        except ModuleNotFoundError as exc:
            if exc.name is None or not f"{name}.".startswith(f"{exc.name}."):
                raise
            spec = None
        except ValueError:  # a loaded module without a spec
            spec = None
        if spec is None and name.endswith(".__main__"):
            package = name.removesuffix(".__main__")
            _refuse(f"'{package}' is a package without a __main__ module; name a module in it")
        if spec is None:
            _refuse(f"No module named '{name}'")
        if spec.submodule_search_locations is not None:
            if name.endswith(".__main__"):
                _refuse(f"'{name}' is a package and cannot be run")
            return self._find(f"{name}.__main__")
        return spec


class Notebook(Program):
    """A Jupyter notebook or a notebook in Databricks source format.

    Args:
        path: As the user wrote it.
        codes: Its Python code, in order.
        args: What it finds in ``sys.argv[1:]``.
    """

    def __init__(self, path: str, codes: Sequence[Code], args: Sequence[str]) -> None:
        self._path = path
        self._codes = codes
        self._args = args

    def run(self) -> None:
        """Run the cells in order. See `Program.run`."""
        file = os.path.abspath(self._path)
        # In Jupyter a notebook has no __file__; processes that it starts would run the file.
        main = _new_main(file=None if file.endswith(".ipynb") else file)
        _take_over(main, [self._path, *self._args], path0=os.path.dirname(os.path.realpath(file)))
        missing = notebook_names.names_needed(self._codes)
        notebook_names.provide(missing, main.__dict__)
        try:
            execution.run_cells(self._codes, main.__dict__)
        except NameError as exc:
            notebook_names.explain(exc, missing)
            raise


def _refuse(reason: str) -> NoReturn:
    print(f"hyperbridge run: error: {reason}", file=sys.stderr)
    raise SystemExit(2)


def _new_main(*, file: str | None) -> ModuleType:
    main = ModuleType("__main__")
    main.__dict__["__builtins__"] = sys.modules["builtins"]
    main.__annotations__ = {}
    if file is not None:
        main.__file__ = file
        main.__dict__["__cached__"] = None
    return main


def _take_over(main: ModuleType, argv: list[str], *, path0: str) -> None:
    """Make a module the process's ``__main__``, for good: pickle and atexit look there."""
    sys.modules["__main__"] = main
    sys.argv = argv
    _set_path0(path0)


def _set_path0(directory: str) -> None:
    # With "python -P" there is no entry of our own program that could be replaced.
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = directory
