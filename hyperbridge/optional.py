"""Import optional packages, and say which pip line installs a missing one."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

from hyperbridge.errors import MissingDependencyError

_EXTRAS = {
    "pyspark": ("spark", "Spark"),
    "ray": ("ray", "Ray Tune"),
    "optuna": ("optuna", "Optuna"),
    "mlflow": ("mlflow", "MLflow"),
}


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


def require(module: str, *, needed_by: str) -> ModuleType:
    """Import an optional module.

    Only the absence of the package itself is turned into advice; a broken install shows
    its own traceback.

    Args:
        module: Dotted module name, for example ``pyspark.sql``.
        needed_by: What needs it, as the start of a sentence, for example ``Backend 'spark'``.

    Raises:
        MissingDependencyError: The package is not installed.

    Examples:
        >>> require("json", needed_by="This example").dumps([1])
        '[1]'
    """
    package = module.partition(".")[0]
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as exc:
        if exc.name != package and not _is_folder(package):
            raise
        raise _missing(package, needed_by) from exc
    if _is_folder(package):
        raise _missing(package, needed_by)
    return found


def _is_folder(package: str) -> bool:
    spec = getattr(sys.modules.get(package), "__spec__", None)
    return spec is not None and spec.origin is None


def _missing(package: str, needed_by: str) -> MissingDependencyError:
    extra, title = _EXTRAS.get(package, (package, package))
    error = MissingDependencyError(
        f"{needed_by} needs {title}. Install it with: pip install 'hyperbridge[{extra}]'"
    )
    error.name = package
    return error
