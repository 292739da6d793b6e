"""What keeps a search on disk while it runs: the save file of the Trials, and the journal.

A FminRun tells its `Keepers` what happens; each writes it so that a kill at any instant loses at
most the trials that run. Another call of fmin begins with what they know, as `Earlier`.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hyperbridge.documents import Document, Place
from hyperbridge.errors import HyperbridgeWarning, NotSavedError
from hyperbridge.worker.frames import safe_text

logger = logging.getLogger(__name__)

Stream = dict[str, Any]
"""Where a search stands: ``seeds``, the state of its random generator as plain data, see
`hyperbridge.search.streams`, and ``n_ids``, how many trial ids it has given out."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier calls of fmin have left of a search.

    Attributes:
        documents: All trials, in the order of their proposal. Those that were running are as they
            were: in state NEW or RUNNING.
        attachments: As ``Trials.attachments`` holds them.
        stream: Where the search stood after the last proposal; None if unknown.
        first_stream: Where it stood when it began.
        tracking: What the MLflow tracker has noted: ``tracking_uri``, ``experiment_id``,
            ``run_id`` and ``fmin_uuid`` of the parent run.
        trials: The Trials object itself, where it was kept.
        space: The space of the last call, as `KeptCall.space`; None if it is not known.
        is_finished_here: Whether the search was one of this process, and has come to its end.
    """

    documents: list[Document]
    attachments: dict[str, Any] = field(default_factory=dict)
    stream: Stream | None = None
    first_stream: Stream | None = None
    tracking: dict[str, str] = field(default_factory=dict)
    trials: Any = None
    space: dict[str, str] | None = None
    is_finished_here: bool = False


@dataclass(frozen=True, slots=True)
class KeptCall:
    """What is written of a call of fmin when it begins.

    Attributes:
        space: Its space, see `hyperbridge.search.identity.space_texts`.
        objective: What identifies its objective, by ``name`` and ``code``.
        backend: Name of the backend.
        algo: Name of the algorithm.
        max_evals: As given to fmin.
        first_stream: Where the search stood when it began, in this call or an earlier one.
        stream: Where it stands now.
        tracking: What earlier calls have noted, see `Earlier`.
    """

    space: dict[str, str]
    objective: dict[str, str]
    backend: str
    algo: str
    max_evals: int | None
    first_stream: Stream | None
    stream: Stream | None
    tracking: dict[str, str] = field(default_factory=dict)


class Keeper(Protocol):
    """Keeps one search on disk. Its methods are called one at a time."""

    name: str
    """What messages call it, for example ``journal 'run.journal'``."""

    place: Place
    """Where it is."""

    def load(self) -> Earlier | None:
        """Return what is there; None when nothing is.

        Raises:
            InvalidArgumentError: It cannot be read, or holds something else.
        """
        ...

    def check(self, result: dict[str, Any], attachments: dict[str, Any]) -> None:
        """Refuse what a trial returned if it cannot be kept.

        Raises:
            ResultNotPicklableError: It cannot; the message has the key.
        """
        ...

    def began(self, call: KeptCall, trials: Any) -> None:
        """Write that a call begins, before its first trial, and what ``trials`` hold already.

        Raises:
            InvalidArgumentError: Nothing can be written there.
        """
        ...

    def proposed(self, documents: Sequence[Document], stream: Stream | None) -> None:
        """Hear of new documents, which the Trials object has, and where the search stands."""
        ...

    def started(self, document: Document) -> None:
        """Hear that a trial, or a further attempt at it, is about to run."""
        ...

    def reported(self, document: Document, step: int, loss: float, at_ms: int) -> None:
        """Hear of a report of a trial that runs, where it comes to the driver at once."""
        ...

    def ended(self, document: Document, attachments: dict[str, Any]) -> None:
        """Write a document that is final, its reports in it. It is on disk when this returns.

        Raises:
            OSError: It could not be written. It is written with the next event.
        """
        ...

    def tracked(self, facts: dict[str, str]) -> None:
        """Write where the call is tracked, see `Earlier`."""
        ...

    def closed(self, reason: str | None) -> None:
        """Write why the call ended, and what is missing."""
        ...

    def release(self) -> None:
        """Let other searches use it. Always called, also after an error."""
        ...


class Keepers:
    """The one guard around what keeps a search: a full disk does not end it.

    What cannot be written is warned of once, and tried again with each event. If it is still
    missing in the end, `closed` raises, when the search has ended.

    Args:
        keepers: All of a call.
        stream: Returns where the search stands.
    """

    def __init__(
        self, keepers: Sequence[Keeper] = (), stream: Callable[[], Stream | None] = lambda: None
    ) -> None:
        self._all = tuple(keepers)
        self._stream = stream
        self._warned: set[str] = set()
        self._trials: Any = None

    def __bool__(self) -> bool:
        return bool(self._all)

    def check(self, result: dict[str, Any], attachments: dict[str, Any]) -> None:
        """Refuse what a trial returned if one of them cannot keep it. See `Keeper.check`."""
        for keeper in self._all:
            keeper.check(result, attachments)

    def began(self, call: KeptCall, trials: Any) -> None:
        """Begin all; what one raises ends the call before its first trial."""
        self._trials = trials
        for keeper in self._all:
            keeper.began(call, trials)

    def proposed(self, documents: Sequence[Document]) -> None:
        """Tell all."""
        if self._all:
            stream = self._stream()
            for keeper in self._all:
                with self._guarded(keeper):
                    keeper.proposed(documents, stream)

    def started(self, document: Document) -> None:
        """Tell all."""
        for keeper in self._all:
            with self._guarded(keeper):
                keeper.started(document)

    def reported(self, document: Document, step: int, loss: float, at_ms: int) -> None:
        """Tell all."""
        for keeper in self._all:
            with self._guarded(keeper):
                keeper.reported(document, step, loss, at_ms)

    def ended(self, document: Document, attachments: dict[str, Any]) -> None:
        """Tell all."""
        for keeper in self._all:
            with self._guarded(keeper):
                keeper.ended(document, attachments)

    def tracked(self, facts: dict[str, str]) -> None:
        """Tell all."""
        for keeper in self._all:
            with self._guarded(keeper):
                keeper.tracked(facts)

    def closed(self, reason: str | None) -> None:
        """Close all.

        Raises:
            NotSavedError: One of them lacks trials.
        """
        failed: list[str] = []
        cause: Exception | None = None
        for keeper in self._all:
            try:
                keeper.closed(reason)
            except Exception as exc:
                failed.append(f"{keeper.name} ({_text(exc)})")
                cause = cause or exc
                logger.debug("%s could not be closed", keeper.name, exc_info=True)
        if failed:
            raise NotSavedError(
                f"the search has ended, but its trials could not be written: {'; '.join(failed)}. "
                "What was written before is whole. All trials are in the attribute 'trials' of "
                "this error, and in the Trials object that fmin was given.",
                self._trials,
            ) from cause

    @contextlib.contextmanager
    def _guarded(self, keeper: Keeper) -> Iterator[None]:
        try:
            yield
        except Exception as exc:
            logger.debug("%s failed", keeper.name, exc_info=True)
            if keeper.name not in self._warned:
                self._warned.add(keeper.name)
                with contextlib.suppress(HyperbridgeWarning):  # under a filter `closed` says it
                    warnings.warn(
                        f"{keeper.name} cannot be written ({_text(exc)}). The search goes on, and "
                        "what is missing is written when that is possible again.",
                        HyperbridgeWarning,
                        stacklevel=2,
                    )


def _text(exc: Exception) -> str:
    return f"{type(exc).__name__}: {safe_text(exc)}"
