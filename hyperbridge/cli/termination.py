"""Let SIGTERM end a program as Ctrl-C does: its searches stop, and their MLflow runs are ended."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType


class TerminatedError(KeyboardInterrupt):
    """The process received SIGTERM, as schedulers and ``timeout`` send it."""


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Raise `TerminatedError` in the main thread on SIGTERM, and exit with code 143 for it.

    A handler that is there already, or that the program sets, is left alone.

    Raises:
        SystemExit: With code 143, when SIGTERM has ended the block.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    process_id = os.getpid()
    is_stopped = False

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler
        if os.getpid() != process_id:  # a forked child of the program
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        nonlocal is_stopped
        is_stopped = True
        raise TerminatedError("SIGTERM")

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:  # Ray's waiting makes a plain one of any
        if not is_stopped:
            raise
        print("hyperbridge run: stopped by SIGTERM", file=sys.stderr)
        raise SystemExit(128 + signal.SIGTERM) from None
    finally:
        if signal.getsignal(signal.SIGTERM) is stop:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
