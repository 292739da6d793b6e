"""Collect what went wrong with tracking and warn about each kind once, on the caller's thread."""

from __future__ import annotations

import threading
import warnings

from hyperbridge.errors import TrackingWarning
from hyperbridge.worker.frames import safe_text


class Complaints:
    """Warnings of one fmin call, noted on any thread and issued on one.

    Warnings from a background thread would be lost to ``warnings.catch_warnings`` and could
    kill that thread where a filter turns them into errors.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: set[str] = set()
        self._pending: list[str] = []

    def note(self, kind: str, message: str) -> None:
        """Remember a warning, unless there was one of this kind before.

        Args:
            kind: What is said once per fmin call.
            message: The text, which names the trial.
        """
        with self._lock:
            if kind not in self._kinds:
                self._kinds.add(kind)
                self._pending.append(message)

    def note_away(self, name: str, error: Exception) -> None:
        """Note that the store did not answer when something of ``name`` was to be logged."""
        self.note(
            "away",
            f"MLflow does not answer ({name}): {_first_line(error)}. The search goes on, and what "
            "is missing is logged when MLflow is back.",
        )

    def note_refusal(self, name: str, error: Exception) -> None:
        """Note that the store refused to log something of ``name``."""
        code = getattr(error, "error_code", "")
        self.note(
            f"refused {type(error).__name__} {code}",
            f"MLflow refused to log something of {name}: {type(error).__name__}: "
            f"{_first_line(error)}. The search goes on without it, and the same error is not "
            "reported again.",
        )

    def note_fault(self, name: str, error: Exception) -> None:
        """Note that something of ``name`` cannot be logged, whatever the store says."""
        self.note(
            f"fault {type(error).__name__}",
            f"Something of {name} is not logged to MLflow: {type(error).__name__}: "
            f"{_first_line(error)}. The search goes on, and the same error is not reported again.",
        )

    def note_given_up(self, names: list[str]) -> None:
        """Note what was not logged although the end of the search waited."""
        listed = ", ".join(dict.fromkeys(names))
        self.note(
            "given up",
            "MLflow did not answer at the end of fmin, so something was not logged, and runs may "
            f"still be shown as RUNNING: {listed}.",
        )

    def issue(self, *, final: bool = False) -> None:
        """Issue what was noted.

        Args:
            final: Nothing follows. Before that, a filter that turns warnings into errors
                does not end the search: the warning is kept for the final call.

        Raises:
            TrackingWarning: On the final call, when the user's filter says so.
        """
        with self._lock:
            messages, self._pending = self._pending, []
        for index, message in enumerate(messages):
            try:
                warnings.warn(message, TrackingWarning, stacklevel=3)
            except TrackingWarning:
                if final:
                    raise
                with self._lock:
                    self._pending = messages[index:] + self._pending
                return


def _first_line(error: Exception) -> str:
    lines = safe_text(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
