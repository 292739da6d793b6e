"""The backends by name: one module of this folder each, and those that other packages bring.

A class of ours is found by looking into the modules of this folder. Another package names its
class in the entry points of the group ``hyperbridge.backends``; it is imported when it is asked
for, so that one that is broken disturbs nobody else.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from hyperbridge.backends.base import Backend
from hyperbridge.errors import BackendUnavailableError, InvalidArgumentError, UnknownBackendError

GROUP = "hyperbridge.backends"

logger = logging.getLogger(__name__)


@cache
def ours() -> dict[str, type[Backend]]:
    """Return the classes of our backends by their names; no engine is imported.

    Examples:
        >>> sorted(ours())
        ['local', 'optuna', 'ray', 'spark']
    """
    found = {}
    for part in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{part.name}")
        for value in vars(module).values():
            if inspect.isclass(value) and issubclass(value, Backend) and "name" in vars(value):
                found[value.name] = value
    return found


def names() -> list[str]:
    """Return the names of all backends, ours first; the others are not imported."""
    return [*ours(), *sorted(_others().keys() - ours().keys())]


def describe() -> list[tuple[str, str]]:
    """Return name and line of help of each backend; another package's is not imported.

    Examples:
        >>> dict(describe())["local"]
        'on this machine, without an engine'
    """
    others = _others()
    return [
        (name, ours()[name].help if name in ours() else f"brought by {_package(others[name][0])}")
        for name in names()
    ]


def find(name: str) -> type[Backend]:
    """Return the class of a backend; its package need not be installed.

    Args:
        name: In any case.

    Raises:
        UnknownBackendError: No backend is called so.
        BackendUnavailableError: The package that brings it is broken, or several bring one.
    """
    word = name.strip().lower()
    points = _others().get(word, [])
    if word in ours():
        for point in points:
            logger.warning(
                "%s brings a backend %r too; hyperbridge's own is used", _package(point), word
            )
        return ours()[word]
    if not points:
        raise UnknownBackendError(f"Unknown backend {name!r}. Available: {', '.join(names())}.")
    if len(points) > 1:
        packages = " and ".join(map(_package, points))
        raise BackendUnavailableError(
            f"Backend {word!r} is brought by {packages}. Uninstall all but one of them."
        )
    return _load(word, points[0])


def get(backend: Any) -> Backend:
    """Return the backend that a name or a backend object stands for.

    Args:
        backend: A name, such as ``"local"`` or ``"spark"`` in any case, or a backend object.

    Raises:
        UnknownBackendError: No backend is called so.
        MissingDependencyError: The backend's package is not installed.
        BackendUnavailableError: The backend of another package is broken.

    Examples:
        >>> get("local").name
        'local'
    """
    if inspect.isclass(backend) and issubclass(backend, Backend):
        raise InvalidArgumentError(
            f"backend={backend.__name__} is a class; pass an object, such as {backend.__name__}()"
        )
    if not isinstance(backend, (str, Backend)):
        raise UnknownBackendError(
            f"backend must be one of {', '.join(names())} or a backend object, got {backend!r}"
        )
    kind = find(backend) if isinstance(backend, str) else type(backend)
    if kind.package is not None and not kind.package.is_installed():
        kind.package.require(f"Backend {kind.name!r}")
    return kind() if isinstance(backend, str) else backend


def _others() -> dict[str, list[EntryPoint]]:
    """Return the entry points of other packages by the name of their backend."""
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        same_name = found.setdefault(point.name.lower(), [])
        if all(known.value != point.value for known in same_name):  # found twice on the path
            same_name.append(point)
    return found


def _package(point: EntryPoint) -> str:
    return f"package {point.dist.name!r}" if point.dist is not None else f"{point.value!r}"


def _load(name: str, point: EntryPoint) -> type[Backend]:
    """Import the class of another package.

    Raises:
        BackendUnavailableError: It cannot be imported, or is not a complete backend of that name.
    """
    problem: str | None = None
    cause: Exception | None = None
    try:
        found = point.load()
    except Exception as exc:  # noqa: BLE001 - another package's module may raise anything
        problem, cause = f"importing it raised {type(exc).__name__}: {exc}", exc
    else:
        problem = "".join(_faults(name, found))
    if problem:
        raise BackendUnavailableError(
            f"Backend {name!r} of {_package(point)} ({point.value}) cannot be used: {problem}. "
            "Update or uninstall that package."
        ) from cause
    return found  # type: ignore[no-any-return]  # it was checked


def _faults(name: str, found: Any) -> Iterator[str]:
    """Yield what is wrong with a class of another package, the first fault only."""
    if not (inspect.isclass(found) and issubclass(found, Backend)):
        yield f"{found!r} is not a subclass of hyperbridge.backends.base.Backend"
    elif inspect.isabstract(found):
        yield f"it does not define {', '.join(sorted(found.__abstractmethods__))}"
    elif missing := [word for word in ("name", "help") if not hasattr(found, word)]:
        yield f"its class does not say its {' and '.join(missing)}"
    elif found.name != name:
        yield f"its class calls itself {found.name!r}"
