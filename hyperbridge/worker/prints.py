"""Keep what an objective prints and logs, apart for each trial; it still appears where it did.

While trials run, ``sys.stdout`` and ``sys.stderr`` are routers: they pass everything on, and note
it for the trial that the thread works for. So are the streams of those handlers of `logging` that
hold one of the two. What does not go through Python's streams, such as the output of a
subprocess, is not seen.
"""

from __future__ import annotations

import contextvars
import logging
import os
import sys
import threading
import types
import weakref
from typing import Any

from hyperbridge.worker.transcript import Transcript

_PLACE = "_hyperbridge_prints"
_NAMES = ("stdout", "stderr")


def _place() -> Any:
    """Return what this process knows of its running trials, whichever copy of this code asks."""
    module: Any = sys.modules.get(_PLACE)
    if module is None:
        module = types.ModuleType(_PLACE, "What the trials that run in this process print.")
        module.current = contextvars.ContextVar("hyperbridge_prints", default=None)
        module.open = []
        module.lock = threading.RLock()
        module.n_users = 0
        module.handlers = []
        module.foreign = {}  # what objectives have put in the place of a router
        module.known = frozenset()
        module.left = weakref.WeakSet()
        module.passing = threading.local()
        module.logs = {}
        module = sys.modules.setdefault(_PLACE, module)
    return module


class Catching:
    """A context manager in which the routers stay in place, around many trials of this process.

    Threads that are there before it belong to no trial.
    """

    def __enter__(self) -> None:
        place = _place()
        with place.lock:
            if place.n_users == 0:
                place.known = frozenset(threading.enumerate())
            _install(place)
            place.n_users += 1

    def __exit__(self, *exc: object) -> None:
        place = _place()
        with place.lock:
            _uninstall(place)
            if place.n_users == 0:
                place.known = frozenset()


class Caught:
    """A context manager around the objective of one trial; then `take_log` has what it printed.

    Args:
        owns_threads: Whether the process runs one trial at a time: what threads print that the
            objective starts is its own then.
    """

    def __init__(self, *, owns_threads: bool) -> None:
        self.owns_threads = owns_threads
        self.pid = os.getpid()
        self.transcript: Transcript | None = None  # most objectives print nothing
        self.is_open = True
        self._before: Any = None
        self._n_threads = 0

    def __enter__(self) -> None:
        place = _place()
        place.logs.pop(threading.get_ident(), None)
        with place.lock:
            if place.n_users == 0:
                _install(place)
            place.n_users += 1
            place.open.append(self)
        self._n_threads = threading.active_count()
        self._before = place.current.set(self)

    def __exit__(self, *exc: object) -> None:
        place = _place()
        self.is_open = False
        try:
            place.current.reset(self._before)
        except ValueError:  # left in another context than entered
            pass
        if self.owns_threads and threading.active_count() > self._n_threads:
            place.left.update(filter(_is_of_no_pool, threading.enumerate()))
            place.left.discard(threading.current_thread())
        with place.lock:
            place.open.remove(self)
            _uninstall(place)
        if self.transcript is not None:
            place.logs[threading.get_ident()] = self.transcript.text()

    def write(self, text: str) -> None:
        """Note what was printed."""
        if self.transcript is None:
            with _place().lock:
                self.transcript = self.transcript or Transcript()
        self.transcript.write(text)


def take_log() -> str:
    """Return what the trial that has just ended on this thread has printed, and forget it."""
    found: str = _place().logs.pop(threading.get_ident(), "")
    return found


def put_streams(stdout: Any, stderr: Any) -> None:
    """Set ``sys.stdout`` and ``sys.stderr``, below the routers while trials run."""
    place = _place()
    with place.lock:
        sys.stdout, sys.stderr = stdout, stderr
        if place.n_users > 0:
            _install(place)


def without_router(stream: Any) -> Any:
    """Return the stream that a router passes on to; any other as it is."""
    while _is_ours(stream):
        stream = stream.__dict__["_stream"]
    return stream


def _is_ours(stream: Any) -> bool:
    return getattr(type(stream), "is_hyperbridge_router", False)


class _Router:
    """Takes the place of a stream: notes what is written for the trial, and passes it on."""

    is_hyperbridge_router = True

    def __init__(self, name: str, stream: Any, place: Any) -> None:
        self.__dict__.update(_name=name, _stream=stream, _place=place)

    def write(self, text: Any) -> Any:
        place = self._place
        passing = place.passing
        if getattr(passing, "is_on", False):  # from one router to another
            return self._stream.write(text)
        trial = _trial_of_thread(place)
        if trial is not None and isinstance(text, str):
            trial.write(text)
        passing.is_on = True
        try:
            return self._stream.write(text)
        finally:
            passing.is_on = False

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_stream"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._stream, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._stream, name)

    def __iter__(self) -> Any:
        return iter(self._stream)

    def __reduce__(self) -> Any:
        return getattr, (sys, self._name)


def _trial_of_thread(place: Any) -> Any:
    """Return the trial that this thread works for; None when there is none, or no telling."""
    trial = place.current.get()
    if trial is None:
        running = list(place.open)
        if len(running) != 1 or not running[0].owns_threads:
            return None
        thread = threading.current_thread()
        if thread in place.known or thread in place.left:
            return None
        trial = running[0]
    return trial if trial.is_open and trial.pid == os.getpid() else None


def _is_of_no_pool(thread: threading.Thread) -> bool:
    """Tell whether a thread is none of a pool, which may work for the next trial, too."""
    target = getattr(thread, "_target", None)
    is_executors = getattr(target, "__module__", None) == "concurrent.futures.thread"
    return not is_executors and type(thread).__module__ != "multiprocessing.dummy"


def _install(place: Any) -> None:
    """Put routers where none are; the lock is held."""
    fresh = {}
    for name in _NAMES:
        stream = getattr(sys, name)
        if stream is not None and not _is_ours(stream) and stream is not place.foreign.get(name):
            setattr(sys, name, _Router(name, stream, place))
            fresh[id(stream)] = (name, stream)
            inner = vars(stream).get("_wrapped") if hasattr(stream, "__dict__") else None
            if inner is not None:  # tqdm's, above which a progress bar stays
                fresh[id(inner)] = (name, inner)
    if not fresh:
        return
    for reference in list(getattr(logging, "_handlerList", ())):
        handler = reference()
        held = vars(handler).get("stream") if handler is not None else None
        if held is not None and id(held) in fresh:
            name, stream = fresh[id(held)]
            handler.stream = router = _Router(name, stream, place)
            place.handlers.append((weakref.ref(handler), router))


def _uninstall(place: Any) -> None:
    """Put the streams back after the last user; what somebody else has put there stays."""
    place.n_users -= 1
    if place.n_users > 0:
        return
    for name in _NAMES:
        stream = getattr(sys, name)
        if _is_ours(stream):
            setattr(sys, name, without_router(stream))
        else:  # it stays; most likely it passes on to the router, which works for the next trial
            place.foreign[name] = stream
    for reference, router in place.handlers:
        handler = reference()
        if handler is not None and handler.stream is router:
            handler.stream = router.__dict__["_stream"]
    place.handlers.clear()
