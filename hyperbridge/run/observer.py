"""What an observer of a FminRun is told, and when.

The FminRun calls its observers in the order in which they were given. What an observer raises
becomes a warning and does not end the search (see `hyperbridge.run.observers`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from hyperbridge.documents import Assignment, Place, Trial, TrialEnd
from hyperbridge.run.keeping import Earlier


@dataclass(frozen=True, slots=True)
class FminInfo:
    """One call of fmin, as it was asked for.

    Attributes:
        backend: Name of the backend, for example ``spark``.
        max_evals: As given to fmin; None when it was not given.
        parallelism: As the user gave it; None when it was not given.
        actual_parallelism: How many trials may run at once, to begin with.
        timeout: Seconds, or None.
        algo: Name of the algorithm: the module of a hyperopt suggest function
            (``hyperopt.tpe``), else a qualified class name.
        max_queue_len: As given to fmin.
        space_text: Returns the text of the search space's pyll graph, which may take seconds.
        decode: Maps an assignment to ``{label: text of the chosen option}`` for the choices
            among its labels, for people to read.
        kept_in: Where the search is kept; nothing when it ends with its process.
        is_elastic: Whether the number of slots may change.
        earlier: What earlier calls have left of the search on disk; None for nothing. Its
            documents are those of the Trials object: what is to run again is in state NEW.
        page: Returns the page of the search as it stands, which is kept with the run that it is
            tracked in; None when nobody asked for one.
        note: Keeps where the call is tracked, see `Earlier.tracking`, for a later call.
    """

    backend: str
    max_evals: int | None
    parallelism: int | None
    actual_parallelism: int
    timeout: float | None
    algo: str
    max_queue_len: int
    space_text: Callable[[], str]
    decode: Callable[[Assignment], dict[str, str]]
    kept_in: tuple[Place, ...] = ()
    is_elastic: bool = False
    earlier: Earlier | None = None
    page: Callable[[], str] | None = None
    note: Callable[[dict[str, str]], None] = lambda facts: None  # noqa: ARG005


@dataclass(frozen=True, slots=True)
class FminEnd:
    """How a FminRun ended.

    Attributes:
        error: The exception that fmin is about to raise, or None. A KeyboardInterrupt
            means that the user stopped it.
        total, successful, failed, cancelled: Numbers of trials of this FminRun that ended,
            and how.
        reused: How many of the successful and failed ones took the result of an earlier trial
            of the same point; None in a search that takes none.
        pruned: Of those that were stopped early; None without a pruner.
    """

    error: BaseException | None
    total: int
    successful: int
    failed: int
    cancelled: int
    reused: int | None = None
    pruned: int | None = None


class TrialAttachment(Protocol):
    """Runs around one trial, in the process and thread that runs the objective.

    It is pickled once per run and shipped to the workers **by value**, so the module that
    defines it may import nothing but the standard library at its top, and may not assume
    that hyperbridge is installed where it runs.
    """

    def __call__(self, token: bytes, *, shared_process: bool) -> AbstractContextManager[None]:
        """Return a context manager to run the objective in.

        Args:
            token: What `Observer.trial_starting` returned for this trial.
            shared_process: True when other trials may run in other threads of this process
                at the same time (the local backend: the driver process itself), so that
                process-wide state such as environment variables must not be touched.
        """
        ...


class Observer(Protocol):
    """Base of the MLflow tracker, the progress bar and the journal."""

    name: str
    """How warnings call it."""

    def run_started(self, info: FminInfo) -> None:
        """Called once, on the thread that called fmin, before the first trial."""
        ...

    def attachment(self) -> TrialAttachment | None:
        """Called once after `run_started`: what must surround each objective, if anything."""
        ...

    def trial_starting(self, trial: Trial) -> bytes | None:
        """Called right before a trial is sent off, on any thread, several at once.

        Returns:
            The token that the attachment gets for this trial; None when there is none.
        """
        ...

    def trial_lost(self, trial: Trial) -> None:
        """Called when a trial's process was lost and the trial will be started again.

        Nothing of the attempt counts; its document still says which attempt it was. It must
        return at once.
        """
        ...

    def trial_finished(self, end: TrialEnd) -> None:
        """Called once for each trial that was started; must return at once.

        It is called on one thread at a time. Slow work belongs on a thread of the
        observer's own, flushed by `run_finished`.
        """
        ...

    def parallelism_changed(self, parallelism: int) -> None:
        """Called, on any thread, when the engine has another number of slots than before.

        It is called on one thread at a time, as `trial_finished` is, and must return at once.
        """
        ...

    def run_finished(self, end: FminEnd) -> None:
        """Called once, on the thread that called fmin, also when fmin is about to raise."""
        ...
