"""Import optional packages, and say which pip line installs a missing one."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from types import ModuleType

from hyperbridge.errors import MissingDependencyError


@dataclass(frozen=True, slots=True)
class Package:
    """An optional package.

    Attributes:
        name: The name it is imported by, such as ``pyspark``.
        title: What people call it.
        install: What pip installs to get it, such as ``hyperbridge[spark]``.
        oldest: The oldest version that was tried, as ``"3.5"``; None for any.

    Examples:
        >>> Package("json", "JSON", install="json").require("This example").dumps([1])
        '[1]'
    """

    name: str
    title: str
    install: str
    oldest: str | None = None

    def is_installed(self) -> bool:
        """Tell whether the package could be imported, without importing it."""
        return is_installed(self.name)

    def require(self, needed_by: str, submodule: str | None = None) -> ModuleType:
        """Import the package or a submodule of it.

        Only the absence of the package itself is turned into advice; a broken install shows
        its own traceback.

        Args:
            needed_by: What needs it, as the start of a sentence, for example ``Backend 'spark'``.
            submodule: The name of the submodule; None for the package.

        Raises:
            MissingDependencyError: The package is not installed.
        """
        module = self.name if submodule is None else f"{self.name}.{submodule}"
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as exc:
            if exc.name != self.name and not _is_folder(self.name):
                raise
            raise self._missing(needed_by) from exc
        if _is_folder(self.name):
            raise self._missing(needed_by)
        return found

    def _missing(self, needed_by: str) -> MissingDependencyError:
        error = MissingDependencyError(
            f"{needed_by} needs {self.title}. Install it with: pip install '{self.install}'"
        )
        error.name = self.name
        return error


MLFLOW = Package("mlflow", "MLflow", install="hyperbridge[mlflow]", oldest="3.0")
PANDAS = Package("pandas", "pandas", install="pandas>=2")
PYARROW = Package("pyarrow", "PyArrow", install="hyperbridge[parquet]")


def is_installed(package: str) -> bool:
    """Tell whether a package could be imported, without importing it.

    A folder of that name without Python's ``__init__.py`` (``ray/`` beside a script) is none.

    Args:
        package: A top-level package name.

    Examples:
        >>> is_installed("json")
        True
    """
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # a half-initialised or stubbed module has no spec
        return False
    return spec is not None and spec.origin is not None


def is_loaded(package: str) -> bool:
    """Tell whether a package has been imported, and is more than a folder of that name.

    Examples:
        >>> is_loaded("sys"), is_loaded("no_such_package")
        (True, False)
    """
    spec = getattr(sys.modules.get(package), "__spec__", None)
    return spec is not None and spec.origin is not None


def _is_folder(package: str) -> bool:
    spec = getattr(sys.modules.get(package), "__spec__", None)
    return spec is not None and spec.origin is None
