"""The backends by name. Importing this package, or creating a backend, imports no engine."""

from __future__ import annotations

from typing import Any

from hyperbridge.backends.base import Backend, Session
from hyperbridge.backends.local import Local
from hyperbridge.backends.optuna import Optuna
from hyperbridge.backends.ray import Ray
from hyperbridge.backends.spark import Spark
from hyperbridge.errors import InvalidArgumentError, UnknownBackendError
from hyperbridge.optional import is_installed, require

__all__ = ["BACKENDS", "Backend", "Local", "Optuna", "Ray", "Session", "Spark", "get"]

BACKENDS: dict[str, type[Backend]] = {
    "local": Local,
    "spark": Spark,
    "ray": Ray,
    "optuna": Optuna,
}


def get(backend: Any) -> Backend:
    """Return the backend that a name or a backend object stands for.

    Args:
        backend: A name (``"local"``, ``"spark"``, ``"ray"`` or ``"optuna"``, in any case) or a
            backend object.

    Raises:
        UnknownBackendError: No backend is called so.
        MissingDependencyError: The backend's package is not installed.

    Examples:
        >>> get("local").name
        'local'
    """
    if isinstance(backend, Backend):
        return _installed(backend)
    if isinstance(backend, type) and issubclass(backend, Backend):
        raise InvalidArgumentError(
            f"backend={backend.__name__} is a class; pass an object, such as {backend.__name__}()"
        )
    known = ", ".join(BACKENDS)
    if not isinstance(backend, str):
        raise UnknownBackendError(
            f"backend must be one of {known} or a backend object, got {backend!r}"
        )
    name = backend.strip().lower()
    if name in BACKENDS:
        return _installed(BACKENDS[name]())
    raise UnknownBackendError(f"Unknown backend {backend!r}. Available: {known}.")


def _installed(backend: Backend) -> Backend:
    if backend.package is not None and not is_installed(backend.package):
        require(backend.package, needed_by=f"Backend {backend.name!r}")
    return backend
