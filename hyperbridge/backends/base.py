"""The contract of a backend: move trials, nothing else.

What a backend must keep, and the Run relies on:

* it asks the Run for the next trial whenever it has room, calls ``Run.begin`` right before the
  trial starts, and tells each outcome exactly once;
* an objective that raises is an outcome, not an error of the backend; a worker process that
  dies is the outcome ``lost`` of its own trial alone;
* it cancels what runs when the Run says so, and leaves no thread, job or actor behind;
* it leaves the user's session, environment and thread-local properties as it found them.

A backend object holds what one engine alone knows; creating one imports no engine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, ClassVar

from hyperbridge.run.objective import Objective
from hyperbridge.run.run import Run


class Session(ABC):
    """A backend made ready for one call of fmin; a context manager.

    Attributes:
        parallelism: How many trials it will run at once.
    """

    parallelism: int

    @abstractmethod
    def execute(self, run: Run) -> None:
        """Move trials until the Run ends.

        Raises:
            BaseException: The engine failed, or the user interrupted; the Run has stopped.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to release
        """Release what `Backend.prepare` took; called once, also after an error."""

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Backend(ABC):
    """Where trials run.

    Attributes:
        name: The word that ``backend=`` and ``HYPERBRIDGE_BACKEND`` take.
        tracked: Whether runs are tracked in MLflow when the user does not say.
        package: The package that must be installed; None when there is none.
    """

    name: ClassVar[str]
    tracked: ClassVar[bool]
    package: ClassVar[str | None] = None

    def resume(self, objective: Objective, trials: Any) -> int:  # noqa: ARG002
        """Bring what an interrupted run of the same call left into the Trials object.

        Called before `prepare`, before the search is made. A backend that keeps trials by itself
        (a Ray Tune experiment) overrides it.

        Args:
            objective: What the trials evaluate.
            trials: The Trials object of the call.

        Returns:
            How many trials the interrupted run has proposed, whether or not the Trials object
            had them already. fmin advances its seeds by that number, less the trials of a Trials
            object that its caller kept: for those it does as hyperopt, which goes on with the
            ``rstate`` as it is given.

        Raises:
            InvalidArgumentError: What is there does not fit this call.
        """
        return 0

    @abstractmethod
    def prepare(self, objective: Objective, *, parallelism: int | None, trials: Any) -> Session:
        """Check everything that can be checked before the first trial.

        Args:
            objective: What the trials evaluate.
            parallelism: How many trials at once the user asked for; None for the default.
            trials: The Trials object of the call.

        Raises:
            BackendUnavailableError: The engine cannot run here.
            ObjectiveNotPicklableError: The objective cannot be sent to its workers.
        """
