"""The contract of a backend: say what it is, and move trials.

A backend is one class in one module. What it is stands on the class as data; the lists of names,
the help of ``hyperbridge run``, ``hyperbridge doctor`` and the names of the package read it there.

What a backend must keep, and the FminRun relies on:

* it asks the FminRun for the next trial whenever it has room, calls ``FminRun.begin`` right
  before the trial starts, and tells each outcome exactly once;
* an objective that raises is an outcome, not an error of the backend; a worker process that
  dies is the outcome ``lost`` of its own trial alone, and a trial that it stopped at its time
  limit is the outcome ``overdue``;
* it cancels what runs when the FminRun says so, and leaves no thread, job or actor behind;
* it leaves the user's session, environment and thread-local properties as it found them;
* importing its module, and creating a backend object, import no engine and not hyperopt.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from hyperbridge.backends.findings import Finding, check_package
from hyperbridge.optional import Package

if TYPE_CHECKING:
    from hyperbridge.documents import Document, Place
    from hyperbridge.run.capacity import Capacity
    from hyperbridge.run.objective import Objective
    from hyperbridge.run.run import FminRun
    from hyperbridge.search.base import Search
    from hyperbridge.search.hyperopt_algo import SeedSource


class OpenBackend(ABC):
    """A backend opened for one call of fmin; a context manager.

    Attributes:
        parallelism: How many trials it will run at once, to begin with.
        in_line: How many more it takes, which wait for slots to come.
        is_elastic: Whether these numbers follow a cluster that grows and shrinks, see `follow`.
        kept_in: Where the engine itself keeps the search, so that another call of fmin can go on
            with it; None when it does not.
        stops_trials: Whether it can stop one trial while others go on, and does so at the limit
            that ``FminRun.limits.trial_timeout`` says; else fmin refuses a ``trial_timeout``.
        retries: How often the FminRun has a trial started again that was lost with its process.
        restored: The documents that it has brought into the Trials object, as an interrupted
            call left them.
        reports_to_tune: Whether Ray Tune's scheduler sees what trials report, and stops them.
        report_host: By which host workers reach this process while trials run, so that a pruner
            hears of trials that still run; None when they cannot, or are this process.
    """

    parallelism: int
    in_line: int = 0
    is_elastic: bool = False
    kept_in: Place | None = None
    stops_trials: bool = False
    retries: int = 0
    restored: Sequence[Document] = ()
    reports_to_tune: bool = False
    report_host: str | None = None

    @abstractmethod
    def execute(self, run: FminRun) -> None:
        """Move trials until the FminRun ends.

        Raises:
            BaseException: The engine failed, or the user interrupted; the FminRun has stopped.
        """

    def follow(
        self,
        resize: Callable[[Capacity], None],  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        """Return a context in which ``resize`` hears when there are more or fewer slots.

        `execute` runs inside of it. Only a backend that `is_elastic` has anything to say.

        Args:
            resize: May be called from any thread, also when nothing has changed.
        """
        return nullcontext()

    def close(self) -> None:  # noqa: B027 - most have nothing to release
        """Release what `Backend.open` took; called once, also after an error."""

    def __enter__(self) -> OpenBackend:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Backend(ABC):
    """Where trials run. An object of it holds what this engine alone knows.

    Attributes:
        name: The word that ``backend=`` and ``HYPERBRIDGE_BACKEND`` take; lower case.
        help: What it does with the trials, in a line, for lists of backends.
        package: The package that it needs; None when it needs none.
        tracked: Whether runs are tracked in MLflow when the user does not say.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    package: ClassVar[Package | None] = None
    tracked: ClassVar[bool] = True

    @classmethod
    def findings(cls) -> list[Finding]:
        """Look, without starting anything, at what it needs; for ``hyperbridge doctor``.

        Returns:
            One finding whose subject is the backend's name, and others about parts of it.
        """
        if cls.package is None:
            return [Finding(cls.name, "ok", "always there")]
        return [check_package(cls.name, cls.package)]

    @classmethod  # noqa: B027 - most keep nothing
    def shut_down(cls) -> None:
        """End what it keeps running between calls of fmin; for a program that makes one call."""

    def stays_within_bounds(self, algo: Any) -> bool:
        """Tell whether the search refuses points beyond the bounds of the space.

        Args:
            algo: As for `make_search`.
        """
        from hyperbridge.search.choice import is_optuna_algo

        return is_optuna_algo(algo)

    def take_pruner(self, pruner: Any) -> Backend | None:  # noqa: ARG002
        """Return this backend with a pruner of its engine's; None for a pruner of another kind.

        Args:
            pruner: As fmin's argument.

        Raises:
            InvalidArgumentError: The backend has one already.
        """
        return None

    def make_search(
        self, algo: Any, objective: Objective, trials: Any, seeds: SeedSource
    ) -> Search:
        """Return where the points of a call of fmin come from.

        By default the algorithm itself: hyperopt's, or a real study for an Optuna sampler. A
        backend that brings its own search overrides it.

        Args:
            algo: A suggest function, an Optuna sampler or study, or a Ray Tune searcher.
            objective: What the trials evaluate.
            trials: The Trials object of the call.
            seeds: Where seeds come from.

        Raises:
            InvalidArgumentError: The study, or the place for it, cannot be used.
            UnsupportedArgumentError: The backend cannot use ``algo``.
            InvalidSpaceError: The search cannot take the space.
            BackendUnavailableError: The storage of a study cannot be opened.
        """
        from hyperbridge.search.choice import make_search

        return make_search(algo, objective, trials, seeds, backend=self.name)

    @abstractmethod
    def open(self, objective: Objective, *, trials: Any, parallelism: int | None) -> OpenBackend:
        """Make ready for one call of fmin: check everything that can be checked before a trial.

        Called before the search is made. A backend that keeps trials by itself (a Ray Tune
        experiment) brings those of an interrupted call into the Trials object, and says which.

        Args:
            objective: What the trials evaluate.
            trials: The Trials object of the call.
            parallelism: How many trials at once the user asked for; None for the default.

        Raises:
            BackendUnavailableError: The engine cannot run here.
            ObjectiveNotPicklableError: The objective cannot be sent to its workers.
            InvalidArgumentError: What an interrupted call left does not fit this call.
        """
