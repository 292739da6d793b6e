"""Cut our own frames off a traceback, so that it begins in the user's code."""

from __future__ import annotations

import traceback
from types import TracebackType


def users_part(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from the first frame that is not ours; all of it when all are ours.

    Args:
        trace: A traceback that begins in this package, such as that of a failed objective.
    """
    found = trace
    while found is not None:
        module: str = found.tb_frame.f_globals.get("__name__") or ""
        if not module.startswith("hyperbridge."):
            return found
        found = found.tb_next
    return trace


def format_users_part(exc: BaseException) -> str:
    """Return the text of an exception with its causes, without our frames at its beginning."""
    trace = users_part(exc.__traceback__)
    return "".join(traceback.format_exception(type(exc), exc, trace))
