"""The one guard around the observers of a FminRun: whatever they raise, the search goes on."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from hyperbridge.documents import Trial, TrialEnd
from hyperbridge.errors import HyperbridgeWarning
from hyperbridge.run.observer import FminEnd, FminInfo, Observer, TrialAttachment
from hyperbridge.worker.frames import safe_text

logger = logging.getLogger(__name__)


class Observers:
    """Calls observers in order. What one raises becomes a warning, one of each kind.

    Warnings are issued on the thread that called fmin. Where a filter turns them into errors,
    that happens when the search has ended.

    Args:
        observers: Told of everything.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._all = tuple(observers)
        self._started: list[Observer] = []
        self._lock = threading.Lock()
        self._kinds: set[tuple[str, str]] = set()
        self._pending: list[str] = []
        self._attachments: list[TrialAttachment | None] = []

    def run_started(self, info: FminInfo) -> None:
        """Start all; one that raises is told nothing more."""
        for observer in self._all:
            if self._call(observer, "run_started", lambda o: o.run_started(info) or True):
                self._started.append(observer)
        self._attachments = [
            self._call(observer, "attachment", lambda o: o.attachment())
            for observer in self._started
        ]
        self._warn()

    def attachments(self) -> list[TrialAttachment | None]:
        """Return what must surround each objective, one entry per observer."""
        return self._attachments

    def trial_starting(self, trial: Trial) -> list[bytes | None]:
        """Tell all, on any thread; return their tokens, in the order of `attachments`."""
        return [
            self._call(observer, "trial_starting", lambda o: o.trial_starting(trial))
            for observer in self._started
        ]

    def trial_lost(self, trial: Trial) -> None:
        """Tell all."""
        for observer in self._started:
            self._call(observer, "trial_lost", lambda o: o.trial_lost(trial))
        self._warn()

    def trial_finished(self, end: TrialEnd) -> None:
        """Tell all."""
        for observer in self._started:
            self._call(observer, "trial_finished", lambda o: o.trial_finished(end))
        self._warn()

    def parallelism_changed(self, parallelism: int) -> None:
        """Tell all, on any thread."""
        event = "parallelism_changed"
        for observer in self._started:
            self._call(observer, event, lambda o: o.parallelism_changed(parallelism))

    def run_finished(self, end: FminEnd) -> None:
        """Tell those that have started, the last one first.

        Raises:
            HyperbridgeWarning: A filter of the user's turns warnings into errors, and no other
                error ends the search.
        """
        raised: HyperbridgeWarning | None = None
        for observer in reversed(self._started):
            try:
                self._call(observer, "run_finished", lambda o: o.run_finished(end))
            except HyperbridgeWarning as exc:
                raised = raised or exc
        self._started.clear()
        try:
            self._warn(final=end.error is None)
        except HyperbridgeWarning as exc:
            raised = raised or exc
        if raised is not None:
            raise raised

    def _call(self, observer: Observer, event: str, call: Callable[[Any], Any]) -> Any:
        try:
            return call(observer)
        except HyperbridgeWarning:  # the observer's own, under a filter
            if event == "run_finished":
                raise
        except Exception as exc:
            logger.debug("%s raised in %s", observer.name, event, exc_info=True)
            with self._lock:
                kind = (observer.name, type(exc).__name__)
                if kind not in self._kinds:
                    self._kinds.add(kind)
                    self._pending.append(
                        f"{observer.name} failed ({type(exc).__name__}: {safe_text(exc)}). The "
                        "search goes on without it, and the same error is not reported again."
                    )
        return None

    def _warn(self, *, final: bool = False) -> None:
        """Issue what was noted; under a filter that makes errors of warnings, at the end."""
        with self._lock:
            messages, self._pending = self._pending, []
        for index, message in enumerate(messages):
            try:
                warnings.warn(message, HyperbridgeWarning, stacklevel=2)
            except HyperbridgeWarning:
                if final:
                    raise
                with self._lock:
                    self._pending = messages[index:] + self._pending
                return
