"""Let the end of a search be finished although Ctrl-C is pressed once more."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interrupts_deferred(hurry: Callable[[], None]) -> Iterator[None]:
    """Put off what Ctrl-C does, and SIGTERM where Python code handles it, to the end of the block.

    The first signal calls ``hurry``; its handler runs when the block has ended. Another one
    interrupts the block. On other threads than the main one, which get no signals, this does
    nothing.

    Args:
        hurry: Called in a signal handler, so it must not wait.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}
    pending: list[int] = []

    def put_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        before.clear()

    def handle(number: int, frame: FrameType | None) -> None:
        handler = before.get(number)
        if pending:
            pending.clear()
            put_back()
            if handler is not None:
                handler(number, frame)
        else:
            pending.append(number)
            hurry()

    for number in _NUMBERS:
        handler = signal.getsignal(number)
        if callable(handler):
            before[number] = handler
            signal.signal(number, handle)
    try:
        yield
    finally:
        handlers = dict(before)
        put_back()
        for received in pending:
            handlers[received](received, None)
