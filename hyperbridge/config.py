"""Decide backend, parallelism and tracking: argument, context manager, environment, default.

The order, and the sentinel that keeps None a value, are those of ``joblib.parallel_config``.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from hyperbridge.errors import InvalidArgumentError

ENVIRONMENT: Final = {
    "backend": "HYPERBRIDGE_BACKEND",
    "parallelism": "HYPERBRIDGE_PARALLELISM",
    "tracking": "HYPERBRIDGE_TRACKING",
}
"""The environment variable of each setting."""

STORAGE: Final = "HYPERBRIDGE_STORAGE"
"""The environment variable of the storage of Optuna studies, for backends that set none."""

DEFAULT_SOURCE: Final = "the default"

_BOOLEANS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


class _Unset(Enum):
    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = _Unset.UNSET
"""Says that a setting was not mentioned, where None means "decide as if nothing were set"."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one call of fmin uses.

    Attributes:
        backend: A backend's name or object; None lets the trials object decide.
        parallelism: Trials at once, at least 1; None lets the backend decide.
        tracking: Whether the runs go to MLflow; None lets the backend decide.
        sources: For each of the three, who said so, for messages:
            ``the environment variable HYPERBRIDGE_BACKEND``.
    """

    backend: Any = None
    parallelism: int | None = None
    tracking: bool | None = None
    sources: dict[str, str] = field(
        default_factory=lambda: dict.fromkeys(ENVIRONMENT, DEFAULT_SOURCE)
    )

    def is_default(self, name: str) -> bool:
        """Tell whether nobody set ``name`` ("backend", "parallelism" or "tracking")."""
        return self.sources[name] == DEFAULT_SOURCE


_active: ContextVar[dict[str, Any] | None] = ContextVar("hyperbridge_settings", default=None)


@contextmanager
def settings(
    *,
    backend: Any = UNSET,
    parallelism: int | _Unset | None = UNSET,
    tracking: bool | _Unset | None = UNSET,
) -> Iterator[None]:
    """Set backend, parallelism and tracking for the calls of fmin inside a ``with`` block.

    Blocks nest: the inner one wins for what it mentions. An argument of fmin wins over the
    block, the block over the environment. The block holds for the thread, or the asyncio task,
    that entered it, so that two threads do not disturb each other; a thread started inside
    sees it when it is started with a copy of the context, ``contextvars.copy_context().run``.

    Args:
        backend: A backend's name or object; None for what the trials object says, whatever
            an outer block or the environment say.
        parallelism: Trials at once, at least 1; None for the backend's own choice.
        tracking: Whether runs are tracked in MLflow; None for the backend's own choice.

    Raises:
        InvalidArgumentError: parallelism is not a positive integer, or tracking not a bool.

    Examples:
        >>> with settings(backend="local", parallelism=2):
        ...     with settings(parallelism=4):
        ...         inside = resolve()
        >>> inside.backend, inside.parallelism
        ('local', 4)
    """
    given = {"backend": backend, "parallelism": parallelism, "tracking": tracking}
    mentioned = {
        name: _CHECKS[name](value, f"hyperbridge.settings({name}=...)")
        for name, value in given.items()
        if value is not UNSET
    }
    token = _active.set({**(_active.get() or {}), **mentioned})
    try:
        yield
    finally:
        _active.reset(token)


def resolve(
    *, backend: Any = None, parallelism: int | None = None, tracking: bool | None = None
) -> Settings:
    """Return the settings of a call: argument, else ``with settings``, else environment.

    Args:
        backend: The call's own argument; None means that it was not given.
        parallelism: As above.
        tracking: As above.

    Raises:
        InvalidArgumentError: A value cannot work; the message names where it was set.

    Examples:
        >>> chosen = resolve(backend="spark")
        >>> chosen.backend, chosen.sources["backend"]
        ('spark', 'the argument backend')
    """
    given = {"backend": backend, "parallelism": parallelism, "tracking": tracking}
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, argument in given.items():
        values[name], sources[name] = _decide(name, argument)
    return Settings(**values, sources=sources)


def storage() -> str | None:
    """Return the storage of Optuna studies that the environment sets; None for memory."""
    return os.environ.get(STORAGE, "").strip() or None


def _decide(name: str, argument: Any) -> tuple[Any, str]:
    if argument is not None:
        source = f"the argument {name}"
        return _CHECKS[name](argument, source), source
    block = _active.get() or {}
    if name in block:
        return block[name], f"hyperbridge.settings({name}=...)"
    variable = ENVIRONMENT[name]
    text = os.environ.get(variable, "").strip()
    if text:
        source = f"the environment variable {variable}"
        return _CHECKS[name](_PARSERS[name](text, source), source), source
    return None, DEFAULT_SOURCE


def _check_backend(value: Any, source: str) -> Any:
    if isinstance(value, str) and not value.strip():
        raise InvalidArgumentError(f"backend must not be an empty string (set by {source})")
    return value


def _check_parallelism(value: Any, source: str) -> int | None:
    if value is None:
        return None
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < 1:
        raise InvalidArgumentError(
            f"parallelism must be a whole number of at least 1, got {value!r} (set by {source})"
        )
    return number


def _check_tracking(value: Any, source: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise InvalidArgumentError(f"tracking must be True or False, got {value!r} (set by {source})")


def _parse_text(text: str, source: str) -> str:  # noqa: ARG001 - one signature for all parsers
    return text


def _parse_int(text: str, source: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidArgumentError(
            f"parallelism must be a whole number of at least 1, got {text!r} (set by {source})"
        ) from None


def _parse_bool(text: str, source: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise InvalidArgumentError(
            f"tracking must be one of {', '.join(_BOOLEANS)}, got {text!r} (set by {source})"
        ) from None


_CHECKS: Final[dict[str, Callable[[Any, str], Any]]] = {
    "backend": _check_backend,
    "parallelism": _check_parallelism,
    "tracking": _check_tracking,
}
_PARSERS: Final[dict[str, Callable[[str, str], Any]]] = {
    "backend": _parse_text,
    "parallelism": _parse_int,
    "tracking": _parse_bool,
}
