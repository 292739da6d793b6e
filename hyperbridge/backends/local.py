"""Run trials on this machine, without an engine: in this process, or in processes beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from hyperbridge.backends.base import Backend, OpenBackend
from hyperbridge.backends.retries import check_retries
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
        retries: How often a trial is tried again whose process was killed or crashed; 0 fails it
            at once. An exception of the objective's is never tried again. In threads nothing can
            be lost but the whole search, so there it has no effect.

    Raises:
        InvalidArgumentError: ``workers`` or ``retries`` is something else.

    Examples:
        >>> Local().name
        'local'
    """

    name: ClassVar[str] = "local"
    help: ClassVar[str] = "on this machine, without an engine"
    tracked: ClassVar[bool] = False

    def __init__(self, *, workers: Workers = "threads", retries: int = 1) -> None:
        self.workers = check_workers(workers)
        self.retries = check_retries(retries)

    def open(self, objective: Objective, *, trials: Any, parallelism: int | None) -> OpenBackend:
        """Start nothing yet. See `Backend.open`."""
        return open_workers(
            objective, trials, parallelism, workers=self.workers, retries=self.retries
        )
