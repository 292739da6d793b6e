"""hyperopt's progress bar, right also when several trials run at once.

A custom ``show_progressbar`` keeps hyperopt's protocol: a context manager factory called with
``initial`` and ``total`` that yields an object with ``update(n)``; its ``postfix`` attribute is
set to the best loss.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TextIO

from tqdm import tqdm
from tqdm.contrib import DummyTqdmFile

from hyperbridge.documents import Trial, TrialEnd
from hyperbridge.run.observer import FminEnd, FminInfo, TrialAttachment
from hyperbridge.worker.prints import put_streams, without_router

ProgressFactory = Callable[..., AbstractContextManager[Any]]

_redirect_lock = threading.Lock()
_redirect_depth = 0
_redirected: tuple[TextIO, TextIO] | None = None


@contextlib.contextmanager
def _prints_above_the_bar() -> Iterator[TextIO]:
    """Send what is printed through tqdm; several bars at once share one redirection."""
    global _redirect_depth, _redirected
    with _redirect_lock:
        if _redirect_depth == 0:
            _redirected = (without_router(sys.stdout), without_router(sys.stderr))
            put_streams(*(DummyTqdmFile(stream) for stream in _redirected))
        _redirect_depth += 1
        assert _redirected is not None
        stdout = _redirected[0]
    try:
        yield stdout
    finally:
        with _redirect_lock:
            _redirect_depth -= 1
            if _redirect_depth == 0:
                put_streams(*_redirected)
                _redirected = None


@contextlib.contextmanager
def progress_bar(initial: int, total: int | None) -> Iterator[Any]:
    """Show a bar on standard output, as hyperopt does.

    Args:
        initial: Trials done before.
        total: Trials in all; None when there is no limit.

    Yields:
        The bar.
    """
    with (
        _prints_above_the_bar() as stdout,
        tqdm(
            total=total,
            file=stdout,
            postfix={"best loss": "?"},
            dynamic_ncols=True,
            unit="trial",
            initial=initial,
        ) as bar,
    ):
        yield bar


class Progress:
    """An observer that drives a progress bar.

    Args:
        factory: Called as ``factory(initial=..., total=...)``.
        initial: Trials done before this FminRun.
        total: ``max_evals``; None when there is no limit.
        best_loss: Returns the best loss so far, infinity when there is none.
    """

    name = "The progress bar"

    def __init__(
        self,
        factory: ProgressFactory,
        *,
        initial: int,
        total: int | None,
        best_loss: Callable[[], float],
    ) -> None:
        self._manager = factory(initial=initial, total=total)
        self._best_loss = best_loss
        self._shown: float | None = None
        self._bar: Any = None

    def run_started(self, info: FminInfo) -> None:  # noqa: ARG002
        """Show the bar."""
        self._bar = self._manager.__enter__()

    def attachment(self) -> TrialAttachment | None:
        """Return None: nothing surrounds the objective."""
        return None

    def trial_starting(self, trial: Trial) -> bytes | None:  # noqa: ARG002
        """Return None: nothing is to be done."""
        return None

    def trial_lost(self, trial: Trial) -> None:
        """Do nothing: the trial has not ended."""

    def trial_finished(self, end: TrialEnd) -> None:
        """Advance the bar by one, whatever became of the trial."""
        if end.status == "cancelled":
            return
        best = self._best_loss()
        if best != self._shown and best != float("inf"):
            self._shown = best
            self._bar.postfix = f"best loss: {best}"
        self._bar.update(1)

    def parallelism_changed(self, parallelism: int) -> None:
        """Do nothing: the bar counts trials."""

    def run_finished(self, end: FminEnd) -> None:
        """Close the bar."""
        error = end.error
        if error is None:
            self._manager.__exit__(None, None, None)
        else:
            with contextlib.suppress(type(error)):  # a generator may raise it again
                self._manager.__exit__(type(error), error, error.__traceback__)
