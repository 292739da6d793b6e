"""Call an objective with points at random, and see what it asks for and what it makes of it.

An objective may train a model for hours. It is left as soon as the point that it has built is
seen to be the original's; the tracing function of `sys.settrace` looks at the local variables of
the program's own functions for that.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from hyperbridge.verify.evidence import Draw
from hyperbridge.verify.original import Original

_HERE = os.path.dirname(__file__)
_STANDARD = sysconfig.get_path("stdlib")
_WHOLE_RUNS = 2
"""So many trials that show no point run to their end, which may ask for more at the end."""


class _SeenError(BaseException):
    """Enough of a trial was seen; not an Exception, so that the objective does not catch it."""


class TrialWatch:
    """Calls an objective, and judges each call.

    Args:
        original: The space to hold points against; None where the original gave none.
        timeout_s: How long one call of the objective may take.
    """

    def __init__(self, original: Original | None, timeout_s: float) -> None:
        self._original = original
        self._timeout_s = timeout_s
        self._n_whole = 0
        self.failure: Exception | None = None

    def call(
        self,
        objective: Callable[[], Any],
        asked: Callable[[], Mapping[str, Any]],
        listed: Callable[[], Mapping[str, Any]],
    ) -> Draw:
        """Call an objective once.

        Args:
            objective: The call.
            asked: Returns the values by name that the objective has asked for so far.
            listed: Returns the options of the categories among them.
        """
        candidates: list[Any] = []
        original = self._original

        def named(found: Mapping[str, Any]) -> dict[str, Any]:
            if original is None:
                return dict(found)
            return {original.label_of(name): value for name, value in found.items()}

        def look(frame: FrameType) -> None:
            if original is None:
                return
            fresh = [
                each
                for each in frame.f_locals.values()
                if original.looks_like(each) and all(each is not known for known in candidates)
            ]
            is_blind = not candidates and self._n_whole >= _WHOLE_RUNS
            if not fresh and not is_blind:
                return
            now, options = named(asked()), named(listed())
            if not original.is_complete(now, options):
                return
            if not fresh:
                raise _SeenError
            for each in fresh:
                candidates.append(each)
                draw = original.judge(now, options, [each])
                if draw.compared and draw.differs is None:
                    raise _SeenError

        ended = False
        with contextlib.suppress(_SeenError), _limited(self._timeout_s), _tracing(look):
            try:
                objective()
            except Exception as exc:  # noqa: BLE001 - the objective is the user's
                self.failure = exc
            ended = True
        if ended and not candidates:
            self._n_whole += 1
        if original is None:
            return Draw(dict(asked()))
        return original.judge(named(asked()), named(listed()), candidates)


@contextlib.contextmanager
def _tracing(look: Callable[[FrameType], None]) -> Iterator[None]:
    """Look at each line of the program's own functions."""

    def local(frame: FrameType, _event: str, _argument: Any) -> Any:
        look(frame)
        return local

    def trace(frame: FrameType, _event: str, _argument: Any) -> Any:
        if not _is_the_programs(frame.f_code.co_filename):
            return None
        look(frame)
        return local

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def _is_the_programs(filename: str) -> bool:
    """Tell whether code is neither a library's nor made by one, which must not be left half-way."""
    is_installed = "site-packages" in filename or "dist-packages" in filename
    return not (is_installed or filename.startswith(("<", _STANDARD, _HERE)))


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Leave what takes longer, where this system and this thread have alarms."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise _SeenError

    try:
        before = signal.signal(signal.SIGALRM, leave)
    except (AttributeError, ValueError):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
