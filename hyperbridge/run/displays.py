"""Where progress is shown: on a terminal, in a notebook, in a file, or by the user's own factory.

On a terminal it is hyperopt's bar with more behind the best loss; a notebook has tqdm's widget
where ipywidgets is installed. What is no terminal, such as the log of a job, gets whole lines: one
when the search begins, one when it ends, and in between at most one in `EVERY_S` seconds, later one
in a tenth of the time so far. Source: tqdm reference, ``tqdm.tqdm`` and ``tqdm.notebook``.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

from tqdm import tqdm
from tqdm.contrib import DummyTqdmFile

from hyperbridge.run.shown import shortened, shown_number
from hyperbridge.worker.prints import put_streams, without_router

EVERY_S: Final = 10.0
_LATER: Final = 0.1  # of the time so far
_METER_WIDTH: Final = 46  # what tqdm's numbers and a short bar take of a line
_SHORTEST_POINT: Final = 16
_WIDTH_ELSEWHERE: Final = 160
_REFRESH_S: Final = 0.2

ProgressFactory = Callable[..., AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a search stands.

    Attributes:
        best_loss: The lowest loss; None while there is none.
        point: Texts of the values that gave it, by label; empty if another call found it.
        running: How many trials run; None where there is one at a time.
        failed: How many have failed.
        pruned: How many were stopped early.
    """

    best_loss: float | None = None
    point: dict[str, str] = field(default_factory=dict)
    running: int | None = None
    failed: int = 0
    pruned: int = 0

    def text(self, width: int) -> str:
        """Return a text that begins as hyperopt's does.

        Args:
            width: Characters that it should not be longer than. Where that is too little the best
                loss has six digits, and what does not fit is left out.

        Examples:
            >>> Standing(0.5, {"x": "0.1"}, running=2, failed=1).text(80)
            'best loss: 0.5, 1 failed, 2 running, x=0.1'
            >>> Standing(1 / 3, {"x": "0.1"}, running=2, failed=1).text(30)
            'best loss: 0.333333, 1 failed'
        """
        best = "?" if self.best_loss is None else str(self.best_loss)
        counts = {"failed": self.failed, "pruned": self.pruned, "running": self.running}
        further = [f", {count} {name}" for name, count in counts.items() if count]
        if self.best_loss is not None and len(f"best loss: {best}{''.join(further)}") > width:
            best = shown_number(self.best_loss)
        text = f"best loss: {best}"
        for more in further:
            if len(text) + len(more) <= width:
                text += more
        room = width - len(text) - 2
        point = " ".join(f"{label}={value}" for label, value in self.point.items())
        if point and (room >= len(point) or room >= _SHORTEST_POINT):
            text += f", {shortened(point, room)}"
        return text


class Display(ABC):
    """A context manager that shows how a search stands."""

    @abstractmethod
    def __enter__(self) -> None: ...

    @abstractmethod
    def __exit__(self, *exc_info: Any) -> None: ...

    @abstractmethod
    def ended(self, standing: Standing) -> None:
        """Show that a trial has ended."""

    def started(self, standing: Standing) -> None:  # noqa: B027 - most show nothing
        """Show that a trial has started; called on any thread, one at a time."""


def make_display(initial: int, total: int | None) -> Display:
    """Return what fits to where standard output goes.

    Args:
        initial: Trials done before.
        total: Trials in all; None when there is no limit.
    """
    stream = without_router(sys.stdout)
    if _is_kernel():
        return _Bar(initial, total, in_notebook=_has_widgets())
    is_terminal = stream is not None and stream.isatty()
    return _Bar(initial, total) if is_terminal else _Lines(initial, total)


class Custom(Display):
    """The user's own, by hyperopt's protocol: ``update(n)``, and ``postfix`` for the best loss."""

    def __init__(self, manager: AbstractContextManager[Any]) -> None:
        self._manager = manager
        self._shown: float | None = None

    def __enter__(self) -> None:
        self._bar = self._manager.__enter__()

    def __exit__(self, *exc_info: Any) -> None:
        self._manager.__exit__(*exc_info)

    def ended(self, standing: Standing) -> None:
        """Advance by one. See `Display.ended`."""
        if standing.best_loss != self._shown:
            self._shown = standing.best_loss
            self._bar.postfix = f"best loss: {standing.best_loss}"
        self._bar.update(1)


class _Bar(Display):
    """tqdm's bar: in a terminal below what is printed, or as a notebook's widget."""

    def __init__(self, initial: int, total: int | None, *, in_notebook: bool = False) -> None:
        self._options = {"initial": initial, "total": total, "unit": "trial"}
        self._in_notebook = in_notebook
        self._resources = ExitStack()
        self._refreshed = 0.0

    def __enter__(self) -> None:
        options: dict[str, Any] = {**self._options, "postfix": {"best loss": "?"}}
        if self._in_notebook:
            from tqdm.notebook import tqdm as widget

            bar = widget(**options)
        else:
            stdout = self._resources.enter_context(_prints_above_the_bar())
            bar = tqdm(**options, file=stdout, dynamic_ncols=True)
        self._bar = self._resources.enter_context(bar)

    def __exit__(self, *exc_info: Any) -> None:
        self._resources.close()

    def started(self, standing: Standing) -> None:
        now = time.monotonic()
        if standing.running is not None and now - self._refreshed > _REFRESH_S:
            self._refreshed = now
            self._bar.postfix = standing.text(self._width())
            self._bar.refresh()

    def ended(self, standing: Standing) -> None:
        if standing != Standing():
            self._bar.postfix = standing.text(self._width())
        self._bar.update(1)

    def _width(self) -> int:
        if self._in_notebook:
            return _WIDTH_ELSEWHERE
        shape = self._bar.dynamic_ncols  # none on a system where tqdm cannot ask for it
        columns = shape(self._bar.fp)[0] if shape else None
        return int(columns or _WIDTH_ELSEWHERE) - _METER_WIDTH


class _Lines(Display):
    """Whole lines, few of them."""

    def __init__(self, initial: int, total: int | None) -> None:
        self._n = self._initial = initial
        self._total = total
        self._lock = threading.Lock()
        self._shown: int | None = None
        self._standing = Standing()

    def __enter__(self) -> None:
        self._stream = without_router(sys.stdout)
        self._begun = time.monotonic()
        self._next_s = EVERY_S
        self._print()

    def __exit__(self, *exc_info: Any) -> None:
        if self._shown != self._n:
            self._print()

    def ended(self, standing: Standing) -> None:
        self._n += 1
        self._standing = standing
        elapsed_s = time.monotonic() - self._begun
        if elapsed_s >= self._next_s:
            self._next_s = elapsed_s + max(EVERY_S, _LATER * elapsed_s)
            self._print()

    def _print(self) -> None:
        line = tqdm.format_meter(
            self._n,
            self._total,
            time.monotonic() - self._begun,
            unit="trial",
            initial=self._initial,
            postfix=self._standing.text(_WIDTH_ELSEWHERE),
            bar_format=None if self._total is None else "{percentage:3.0f}%{r_bar}",
        )
        self._shown = self._n
        if self._stream is not None:
            print(line, file=self._stream, flush=True)


def _is_kernel() -> bool:
    """Tell whether this process is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


def _has_widgets() -> bool:
    from tqdm.notebook import IProgress

    return IProgress is not None


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
