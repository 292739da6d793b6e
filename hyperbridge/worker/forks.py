"""Keep what an objective forks away from the engine.

A forked child has its parent's sockets open. An engine learns that a worker died from the end of
its connection, so it would wait for a trial as long as a child of the dead worker lives; and a
child that returns from the objective would send a report of its own.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import types
from collections.abc import Iterator

_NAME = "_hyperbridge_forks"


def release_in_children() -> None:
    """Let children that are forked from now on give up the sockets that are open now.

    Done once per process, before its first trial, when only the engine has opened any. The
    descriptors stay valid, as others may have noted their numbers.
    """
    if not hasattr(os, "register_at_fork") or _NAME in sys.modules:
        return
    sys.modules[_NAME] = types.ModuleType(_NAME, "Says that children release our sockets.")
    state = sys.modules[_NAME].__dict__
    state["keep"] = False
    sockets = list(_open_sockets())

    def release() -> None:
        if state["keep"]:
            return
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in sockets:
            os.dup2(nothing, descriptor, inheritable=False)
        os.close(nothing)

    os.register_at_fork(after_in_child=release)


@contextlib.contextmanager
def with_sockets() -> Iterator[None]:
    """Let a child that is forked inside of this block keep the sockets."""
    state = sys.modules[_NAME].__dict__
    state["keep"] = True
    try:
        yield
    finally:
        state["keep"] = False


def _open_sockets() -> Iterator[int]:
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):  # that of the listing itself is closed by now
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                yield int(name)


class OnlyInThisProcess:
    """A context manager that ends a child which is forked inside of it and comes out of it."""

    def __enter__(self) -> None:
        self._pid = os.getpid()

    def __exit__(self, *exc_info: object) -> None:
        if os.getpid() != self._pid:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(Exception):
                    stream.flush()
            os._exit(0)
