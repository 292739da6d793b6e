"""Threads or processes: where the backends that stay on this machine run their trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from hyperbridge.errors import InvalidArgumentError

if TYPE_CHECKING:
    from hyperbridge.backends.base import OpenBackend
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


def open_workers(
    objective: Objective,
    trials: Any,
    parallelism: int | None,
    *,
    workers: Workers,
    retries: int,
) -> OpenBackend:
    """Make this machine ready for one call of fmin.

    Args:
        objective: What the trials evaluate.
        trials: The Trials object.
        parallelism: Trials at once; None, or a value below 1 (SparkTrials(parallelism=-1) asks
            for all slots of a cluster), means 1.
        workers: What runs them.
        retries: How often a trial is tried again that was lost with its process.

    Raises:
        ObjectiveNotPicklableError: It cannot be sent to a process.
        BackendUnavailableError: This system has no such processes.
    """
    count = max(1, parallelism or 1)
    if workers == "threads":
        from hyperbridge.backends.workers.threads import OpenThreads

        return OpenThreads(objective, trials, count)
    from hyperbridge.backends.workers.processes import OpenProcesses

    return OpenProcesses(objective, count, retries)
