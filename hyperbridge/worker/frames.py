"""Texts of what a user's code raises or returns, without our frames, and whatever it does."""

from __future__ import annotations

import traceback
from types import TracebackType
from typing import Any


def users_part(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from the first frame that is not ours; all of it when all are ours.

    Args:
        trace: A traceback that begins in this package, such as that of a failed objective.
    """
    found = trace
    while found is not None:
        module = found.tb_frame.f_globals.get("__name__")
        if not (isinstance(module, str) and module.startswith("hyperbridge.")):
            return found
        found = found.tb_next
    return trace


def format_users_part(exc: BaseException) -> str:
    """Return the text of an exception with its causes, without our frames at its beginning."""
    try:
        trace = users_part(exc.__traceback__)
        return "".join(traceback.format_exception(type(exc), exc, trace))
    except Exception:  # noqa: BLE001 - an exception class of the user's may do anything
        return f"{type.__repr__(type(exc))}: {safe_text(exc)}\n"


def safe_text(value: Any) -> str:
    """Return ``str(value)``, or a text that says that there is none.

    Examples:
        >>> safe_text(ValueError("too low"))
        'too low'
    """
    try:
        return str.__str__(str(value))
    except Exception as exc:  # noqa: BLE001 - a class of the user's may do anything
        return f"<{type(value).__name__} object whose str() raises {type(exc).__name__}>"


def safe_repr(value: Any, longest: int = 500) -> str:
    """Return ``repr(value)``, cut where it is long, or a text that says that there is none.

    Examples:
        >>> safe_repr("abcdef", 4)
        "'abc..."
    """
    try:
        text = str.__str__(repr(value))
    except Exception as exc:  # noqa: BLE001 - as above
        return f"<{type(value).__name__} object whose repr() raises {type(exc).__name__}>"
    return text if len(text) <= longest else f"{text[:longest]}..."


def type_text(value: Any) -> str:
    """Return ``str(type(value))``, the form that hyperopt's documents hold.

    Examples:
        >>> type_text(1)
        "<class 'int'>"
    """
    try:
        return str.__str__(str(type(value)))
    except Exception:  # noqa: BLE001 - a metaclass of the user's may do anything
        return type.__repr__(type(value))


def set_cause(exc: BaseException, cause: BaseException | None) -> None:
    """Set ``exc.__cause__``, also where the class lets nobody assign, as a frozen dataclass."""
    BaseException.__dict__["__cause__"].__set__(exc, cause)


def cut_traceback(exc: BaseException) -> BaseException:
    """Let the traceback of an exception begin in the user's code; return the exception."""
    return BaseException.with_traceback(exc, users_part(exc.__traceback__))
