"""Run trials on this machine, without an engine: in this process, or in processes beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from hyperbridge.backends.base import Backend, OpenBackend
from hyperbridge.backends.workers import Workers, check_workers, open_workers

if TYPE_CHECKING:
    from hyperbridge.run.objective import Objective


class Local(Backend):
    """Trials on the driver's own machine.

    With parallelism 1, the default, a seed gives the same trials as hyperopt. With more,
    trials run in threads: useful when the objective waits (for a server, a subprocess, a Spark
    job) or computes outside Python's lock. A thread cannot be cancelled, so a trial that runs
    when the timeout comes is waited for and counted. Processes can be cancelled and use all
    cores; the objective must be picklable then, and changes nothing in this process.

    Args:
        workers: ``"threads"`` of this process (with parallelism 1: the thread that calls fmin),
            or ``"processes"``.

    Raises:
        InvalidArgumentError: ``workers`` is something else.

    Examples:
        >>> Local().name
        'local'
    """

    name: ClassVar[str] = "local"
    help: ClassVar[str] = "on this machine, without an engine"
    tracked: ClassVar[bool] = False

    def __init__(self, *, workers: Workers = "threads") -> None:
        self.workers = check_workers(workers)

    def open(self, objective: Objective, *, trials: Any, parallelism: int | None) -> OpenBackend:
        """Start nothing yet. See `Backend.open`."""
        return open_workers(objective, trials, parallelism, self.workers)
