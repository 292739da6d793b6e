"""The programs that ``hyperbridge run`` can run: a script, a module, a notebook.

What a program finds around itself (``sys.argv``, ``sys.path[0]``, the names in ``__main__``) is
described in the Python reference, "Command line and environment".
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import NoReturn

from hyperbridge.cli import execution
from hyperbridge.cli.notebook import Notebook, is_notebook
from hyperbridge.cli.process import Program, new_main, set_path0, take_over
from hyperbridge.errors import InvalidArgumentError


def load(target: Sequence[str], *, widgets: Mapping[str, str] | None = None) -> Program:
    """Return the program that the command line names, read but not started.

    Args:
        target: ``[SCRIPT, ARG...]`` or ``["-m", MODULE, ARG...]``.
        widgets: Values for the widgets of a notebook, by name; None for none.

    Raises:
        InvalidArgumentError: There is no such file, or it is no program, or the module's name
            is relative; a notebook needs what is not here; or there are widgets and no notebook.
    """
    if target[0] == "-m":
        _refuse_widgets(widgets, target[1])
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
        return Notebook(target[0], target[1:], widgets or {})
    _refuse_widgets(widgets, target[0])
    return Script(target[0], source, target[1:])


def _refuse_widgets(widgets: Mapping[str, str] | None, name: str) -> None:
    if widgets:
        raise InvalidArgumentError(f"--widget is for notebooks, and '{name}' is not a notebook")


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
        main = new_main(file=file)
        main.__loader__ = SourceFileLoader("__main__", file)
        take_over(main, [self._path, *self._args], path0=os.path.dirname(os.path.realpath(file)))
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
        set_path0(os.getcwd())
        sys.argv = ["-m", *self._args]
        spec = self._find(self._name)
        loader = spec.loader
        get_code = getattr(loader, "get_code", None)
        code = execution.call(get_code, spec.name) if get_code is not None else None
        if code is None:
            _refuse(f"'{self._name}' has no Python code to run")
        main = new_main(file=spec.origin if spec.has_location else None)
        main.__loader__ = loader
        main.__spec__ = spec
        main.__package__ = spec.parent
        main.__dict__["__cached__"] = spec.cached
        take_over(main, [spec.origin or self._name, *self._args], path0=os.getcwd())
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


def _refuse(reason: str) -> NoReturn:
    print(f"hyperbridge run: error: {reason}", file=sys.stderr)
    raise SystemExit(2)
