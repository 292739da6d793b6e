"""Decide backend, parallelism and the like: argument, context manager, environment, default.

The order, and the sentinel that keeps None a value, are those of ``joblib.parallel_config``.
"""

from __future__ import annotations

import math
import numbers
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
    "pruner": "HYPERBRIDGE_PRUNER",
    "trial_timeout": "HYPERBRIDGE_TRIAL_TIMEOUT",
    "repeats": "HYPERBRIDGE_REPEATS",
    "journal": "HYPERBRIDGE_JOURNAL",
}
"""The environment variable of each setting."""

REPEATS: Final = ("run", "skip", "reuse")
"""What may become of a point that was evaluated before."""

STORAGE: Final = "HYPERBRIDGE_STORAGE"
"""The environment variable of the storage of Optuna studies, for backends that set none."""

JOURNAL_IF_DIFFERENT: Final = "HYPERBRIDGE_JOURNAL_IF_DIFFERENT"
"""The environment variable that says what to do with the journal of another search."""

TRIAL_LOGS: Final = "HYPERBRIDGE_TRIAL_LOGS"
"""The environment variable that says whether what objectives print is kept."""

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
        pruner: A pruner's name or object; None stops no trial early.
        trial_timeout: Seconds that a trial may take, above 0; None for no limit.
        repeats: One of `REPEATS`; None for "run".
        journal: The path of the journal, or a `hyperbridge.Journal`; None for no journal.
        sources: For each of them, who said so, for messages:
            ``the environment variable HYPERBRIDGE_BACKEND``.
    """

    backend: Any = None
    parallelism: int | None = None
    tracking: bool | None = None
    pruner: Any = None
    trial_timeout: float | None = None
    repeats: str | None = None
    journal: Any = None
    sources: dict[str, str] = field(
        default_factory=lambda: dict.fromkeys(ENVIRONMENT, DEFAULT_SOURCE)
    )

    def is_default(self, name: str) -> bool:
        """Tell whether nobody set ``name``, a key of `ENVIRONMENT`."""
        return self.sources[name] == DEFAULT_SOURCE


_active: ContextVar[dict[str, Any] | None] = ContextVar("hyperbridge_settings", default=None)


@contextmanager
def settings(
    *,
    backend: Any = UNSET,
    parallelism: int | _Unset | None = UNSET,
    tracking: bool | _Unset | None = UNSET,
    pruner: Any = UNSET,
    trial_timeout: float | _Unset | None = UNSET,
    repeats: str | _Unset | None = UNSET,
    journal: Any = UNSET,
) -> Iterator[None]:
    """Set arguments for the calls of fmin inside a ``with`` block.

    Blocks nest: the inner one wins for what it mentions. An argument of fmin wins over the
    block, the block over the environment. The block holds for the thread, or the asyncio task,
    that entered it, so that two threads do not disturb each other; a thread started inside
    sees it when it is started with a copy of the context, ``contextvars.copy_context().run``.

    Args:
        backend: A backend's name or object; None for what the trials object says, whatever
            an outer block or the environment say.
        parallelism: Trials at once, at least 1; None for the backend's own choice.
        tracking: Whether runs are tracked in MLflow; None for the backend's own choice.
        pruner: A pruner's name or object, see `hyperbridge.fmin`; None for none.
        trial_timeout: Seconds that a trial may take, above 0; None for no limit.
        repeats: ``"run"``, ``"skip"`` or ``"reuse"``; None for "run".
        journal: A path or a ``hyperbridge.Journal``; None for no journal. Calls after the first
            one have files of their own beside it: ``run.2.journal`` and so on.

    Raises:
        InvalidArgumentError: A value cannot work; the message names it.

    Examples:
        >>> with settings(backend="local", parallelism=2):
        ...     with settings(parallelism=4):
        ...         inside = resolve()
        >>> inside.backend, inside.parallelism
        ('local', 4)
    """
    given = {
        "backend": backend,
        "parallelism": parallelism,
        "tracking": tracking,
        "pruner": pruner,
        "trial_timeout": trial_timeout,
        "repeats": repeats,
        "journal": journal,
    }
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


def resolve(**given: Any) -> Settings:
    """Return the settings of a call: argument, else ``with settings``, else environment.

    Args:
        given: The call's own arguments, by the names of `ENVIRONMENT`; None, or one that is left
            out, means that it was not given.

    Raises:
        InvalidArgumentError: A value cannot work; the message names where it was set.

    Examples:
        >>> chosen = resolve(backend="spark")
        >>> chosen.backend, chosen.sources["backend"]
        ('spark', 'the argument backend')
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name in ENVIRONMENT:
        values[name], sources[name] = _decide(name, given.pop(name, None))
    if given:
        raise TypeError(f"resolve() has no setting {', '.join(map(repr, given))}")
    return Settings(**values, sources=sources)


def storage() -> str | None:
    """Return the storage of Optuna studies that the environment sets; None for memory."""
    return os.environ.get(STORAGE, "").strip() or None


def journal_if_different() -> str:
    """Return what to do with the journal of another search where a journal does not say it."""
    return os.environ.get(JOURNAL_IF_DIFFERENT, "").strip() or "refuse"


def keeps_trial_logs() -> bool:
    """Tell whether what objectives print is kept for their trials, which is the default.

    Raises:
        InvalidArgumentError: The environment variable is neither true nor false.
    """
    text = os.environ.get(TRIAL_LOGS, "").strip()
    source = f"the environment variable {TRIAL_LOGS}"
    return _parse_bool(text, source, "keeping of trial logs") if text else True


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
    return _check_name("backend", value, source)


def _check_pruner(value: Any, source: str) -> Any:
    return _check_name("pruner", value, source)


def _check_name(name: str, value: Any, source: str) -> Any:
    if isinstance(value, str) and not value.strip():
        raise InvalidArgumentError(f"{name} must not be an empty string (set by {source})")
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


def _check_trial_timeout(value: Any, source: str) -> float | None:
    if value is None:
        return None
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0 < value < math.inf:
        raise InvalidArgumentError(
            "trial_timeout must be a number of seconds above 0, or None, "
            f"got {value!r} (set by {source})"
        )
    return float(value)


def _check_repeats(value: Any, source: str) -> str | None:
    if value is None or (isinstance(value, str) and value in REPEATS):
        return value
    raise InvalidArgumentError(
        f"repeats must be one of {', '.join(map(repr, REPEATS))}, got {value!r} (set by {source})"
    )


def _check_journal(value: Any, source: str) -> Any:
    if value is None:
        return None
    if not isinstance(value, str | bytes | os.PathLike):
        raise InvalidArgumentError(
            f"journal must be a path or a hyperbridge.Journal, got {value!r} (set by {source})"
        )
    if not os.fspath(value):
        raise InvalidArgumentError(f"journal must not be an empty path (set by {source})")
    return value


def _parse_text(text: str, source: str) -> str:  # noqa: ARG001 - one signature for all parsers
    return text


def _parse_number(kind: type[int] | type[float]) -> Callable[[str, str], Any]:
    """Return a parser; what is no number stays a text, which the setting's check refuses."""

    def parse(text: str, source: str) -> Any:  # noqa: ARG001 - as above
        try:
            return kind(text)
        except ValueError:
            return text

    return parse


def _parse_bool(text: str, source: str, what: str = "tracking") -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise InvalidArgumentError(
            f"{what} must be one of {', '.join(_BOOLEANS)}, got {text!r} (set by {source})"
        ) from None


_CHECKS: Final[dict[str, Callable[[Any, str], Any]]] = {
    "backend": _check_backend,
    "parallelism": _check_parallelism,
    "tracking": _check_tracking,
    "pruner": _check_pruner,
    "trial_timeout": _check_trial_timeout,
    "repeats": _check_repeats,
    "journal": _check_journal,
}
_PARSERS: Final[dict[str, Callable[[str, str], Any]]] = {
    "backend": _parse_text,
    "parallelism": _parse_number(int),
    "tracking": _parse_bool,
    "pruner": _parse_text,
    "trial_timeout": _parse_number(float),
    "repeats": _parse_text,
    "journal": _parse_text,
}
