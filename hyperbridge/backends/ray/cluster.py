"""The Ray cluster of a run: connect when nobody has, and leave it as it was found."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
from ray import util

from hyperbridge.backends.ray.internals import CLIENT_LOGGER, TOKEN_LOGGER
from hyperbridge.errors import BackendUnavailableError

_ADVICE = (
    (
        ("version", "incompatible"),
        "Install here the Ray and the Python of the cluster, or use another cluster.",
    ),
    (
        ("authent", "token"),
        "Set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH, to the token of the "
        "cluster.",
    ),
    (
        ("failed to connect",),
        "Something answers there and does not let this process in; Ray does not say why. A "
        "cluster that asks for a token needs RAY_AUTH_MODE=token here too (it is {mode}), and "
        "RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH, as it was started with. Else compare its version "
        "of Ray with the one here.",
    ),
    (
        ("space", "shm", "object store", "memory", "permission", "directory", "path length"),
        "Ray keeps its files in {folder}/ray and its objects in /dev/shm: make room there, or set "
        "RAY_TMPDIR to another folder with a short path.",
    ),
    (
        ("timed out", "startup", "failed to start"),
        "This machine may be too busy to start Ray: try again, or call ray.init() before fmin. "
        "Ray's own logs are in {folder}/ray/session_latest/logs.",
    ),
    (
        ("",),
        "Ray uses the cluster that RAY_ADDRESS names, or the one that was started last on this "
        "machine. RAY_ADDRESS=local starts one for this call.",
    ),
)
"""What to do, by words of Ray's message; the first that fits."""

_lock = threading.Lock()
_users = 0
_leaving = contextlib.ExitStack()
"""Undoes what `connect` has done."""


def connect() -> bool:
    """Initialise Ray unless somebody has; ``RAY_ADDRESS`` and its like work as with ``ray.init()``.

    Returns:
        True when `disconnect` has to be called for it.

    Raises:
        BackendUnavailableError: Ray could not be started, or its cluster not be used.
    """
    global _users
    with _lock:
        if _users == 0 and ray.is_initialized():
            return False
        if _users == 0:
            address = _address()
            handler = signal.getsignal(signal.SIGTERM)
            with contextlib.ExitStack() as stack:
                stack.callback(_put_back, handler)
                CLIENT_LOGGER.addFilter(_is_news)
                stack.callback(CLIENT_LOGGER.removeFilter, _is_news)
                stack.callback(ray.shutdown)
                try:
                    with _quietly():
                        ray.init(address, logging_level=logging.WARNING)
                except Exception as exc:  # Ray raises a plain Exception when a node does not start
                    raise BackendUnavailableError(
                        f"Backend 'ray': Ray could not be started or reached: {exc} {_advice(exc)}"
                    ) from exc
                _put_back(handler if callable(handler) else signal.getsignal(signal.SIGTERM))
                _leaving.push(stack.pop_all())
        _users += 1
        return True


def _advice(error: Exception) -> str:
    text = f"{type(error).__name__} {error}".lower()
    advice = next(advice for words, advice in _ADVICE if any(word in text for word in words))
    return advice.format(folder=_temporary(), mode=os.environ.get("RAY_AUTH_MODE", "not set"))


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep back what Ray says when it starts, and what nobody has to do anything about.

    That is a warning about a later Ray's defaults, and one that its ports ask for a token.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        level = TOKEN_LOGGER.level
        TOKEN_LOGGER.setLevel(logging.ERROR)
        try:
            yield
        finally:
            TOKEN_LOGGER.setLevel(level)


def _address() -> str | None:
    """Return the address to give to Ray; None when Ray finds the right one by itself.

    Ray tries for minutes to reach a cluster that is gone, and remembers on the disk those that
    did not end in order.

    Raises:
        BackendUnavailableError: RAY_ADDRESS names a cluster that cannot be used.
    """
    asked = os.environ.get("RAY_ADDRESS", "")
    if asked:
        if not _answers(asked.removeprefix("ray://")):
            raise BackendUnavailableError(
                f"Backend 'ray': RAY_ADDRESS={asked}: no Ray cluster answers there. Correct it, "
                "unset it, or set RAY_ADDRESS=local to start one for this call."
            )
        return None
    try:
        remembered = Path(_temporary(), "ray", "ray_current_cluster").read_text().strip()
    except OSError:
        return None
    return None if _answers(remembered) else "local"


def _temporary() -> str:
    """Return the folder where Ray keeps its own: ``TMPDIR`` counts on Linux alone, as for Ray."""
    for name in ("RAY_TMPDIR", "TMPDIR") if sys.platform.startswith("linux") else ("RAY_TMPDIR",):
        if name in os.environ:
            return os.environ[name]
    return tempfile.gettempdir() if sys.platform == "win32" else "/tmp"


def _answers(address: str) -> bool:
    """Tell whether somebody listens at an address; True for words such as ``auto``."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return True
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=5):
            return True
    except OSError:
        return False


def is_remote() -> bool:
    """Tell whether Ray is reached through Ray Client, from a machine that is not a node of it."""
    return bool(util.client.ray.is_connected())


def disconnect() -> None:
    """Undo one `connect` that returned True; the last one shuts Ray down, or leaves its cluster."""
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            _leaving.close()


def _put_back(handler: Any) -> None:
    """Put back the handler of SIGTERM, which Ray replaces.

    Below Python, Ray sets one that calls Python's and aborts the process three seconds later, when
    there may be trials to cancel and runs to end still. What Python sets takes its place.
    """
    if threading.current_thread() is threading.main_thread() and handler is not None:
        signal.signal(signal.SIGTERM, handler)


def _is_news(record: logging.LogRecord) -> bool:
    """Leave out what the process that serves a Ray Client says of itself alone."""
    return "SIGTERM handler is not set" not in record.getMessage()


def search_path() -> list[str]:
    """Return where workers may look for the user's modules: on this machine, where we look."""
    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
    if is_remote() or nodes != [ray.get_runtime_context().get_node_id()]:
        return []
    return [folder or os.getcwd() for folder in sys.path]
