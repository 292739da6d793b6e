"""Run an objective inside of what observers put around it; they cannot make its trial fail."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from hyperbridge.worker.frames import safe_text


class TrialContexts:
    """A context manager: enters the attachments that have a token, leaves them in reverse order.

    It is not a generator: those assign to the exception, which a frozen dataclass forbids.

    Args:
        attachments: See `hyperbridge.run.observer.TrialAttachment`.
        tokens: One for each attachment; None where there is nothing to be done.
        shared_process: Whether other trials may run in this process at the same time.
    """

    def __init__(
        self, attachments: Sequence[Any], tokens: Sequence[Any], *, shared_process: bool
    ) -> None:
        pairs = zip(attachments, tokens)  # noqa: B905 - 3.9 workers
        self._wanted = [(a, t) for a, t in pairs if a is not None and t is not None]
        self._shared_process = shared_process
        self._entered: list[Any] = []

    def __enter__(self) -> None:
        for attachment, token in self._wanted:
            try:
                context = attachment(token, shared_process=self._shared_process)
                context.__enter__()
            except Exception as exc:  # noqa: BLE001 - a worker may have any version of MLflow
                _warn(exc)
            else:
                self._entered.append(context)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._entered:
            try:
                self._entered.pop().__exit__(exc_type, exc, traceback)
            except Exception as own:  # noqa: BLE001 - as above
                if own is not exc:
                    _warn(own)


def _warn(exc: Exception) -> None:
    logging.getLogger("hyperbridge").warning(
        "an observer of the objective failed, and its trial goes on: %s: %s",
        type(exc).__name__,
        safe_text(exc),
    )
