"""Import optional packages, and say which pip line installs a missing one."""

from __future__ import annotations

import importlib
import importlib.util
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

    Args:
        package: A top-level package name.

    Examples:
        >>> is_installed("json")
        True
    """
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # a half-initialised or stubbed module has no spec
        return False


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
        return importlib.import_module(module)
    except ModuleNotFoundError as exc:
        if exc.name != package:
            raise
        extra, title = _EXTRAS.get(package, (package, package))
        error = MissingDependencyError(
            f"{needed_by} needs {title}. Install it with: pip install 'hyperbridge[{extra}]'"
        )
        error.name = package
        raise error from exc
