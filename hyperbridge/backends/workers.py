"""Threads or processes: where the backends that stay on this machine run their trials."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from hyperbridge.backends.base import Session
from hyperbridge.backends.threads import ThreadSession
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.run.objective import Objective

Workers: TypeAlias = Literal["threads", "processes"]
"""What runs the trials: this process, or processes of their own."""


def check_workers(workers: Any) -> Workers:
    """Return ``workers``.

    Raises:
        InvalidArgumentError: It is neither "threads" nor "processes".
    """
    if workers not in ("threads", "processes"):
        raise InvalidArgumentError(f'workers must be "threads" or "processes", got {workers!r}')
    return workers  # type: ignore[no-any-return]  # it is one of the two


def local_session(objective: Objective, trials: Any, parallelism: int, workers: Workers) -> Session:
    """Return a session that runs trials on this machine.

    Args:
        objective: What the trials evaluate.
        trials: The Trials object.
        parallelism: Trials at once.
        workers: What runs them.

    Raises:
        ObjectiveNotPicklableError: It cannot be sent to a process.
        BackendUnavailableError: This system has no such processes.
    """
    if workers == "threads":
        return ThreadSession(objective, trials, parallelism)
    from hyperbridge.backends.processes import ProcessSession

    return ProcessSession(objective, parallelism)
