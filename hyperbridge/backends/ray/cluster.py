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
from ray.exceptions import RayError

from hyperbridge.errors import BackendUnavailableError

_ADVICE = (
    "Ray uses the cluster that RAY_ADDRESS names, or the one that was started last on this "
    "machine. RAY_ADDRESS=local starts one for this call."
)

_client_logger = logging.getLogger("ray.util.client.logsclient")
_lock = threading.Lock()
_users = 0
_handlers: dict[int, Any] = {}


def connect() -> bool:
    """Initialise Ray unless somebody has; ``RAY_ADDRESS`` and its like work as with ``ray.init()``.

    Returns:
        True when `disconnect` has to be called for it.

    Raises:
        BackendUnavailableError: Ray could not be initialised.
    """
    global _users
    with _lock:
        if _users == 0 and ray.is_initialized():
            return False
        if _users == 0:
            address = _address()
            _remember_handlers()
            try:
                with _quietly():
                    ray.init(address, logging_level=logging.WARNING)
            except (ImportError, RuntimeError, ValueError, OSError, RayError) as exc:
                raise BackendUnavailableError(
                    f"Backend 'ray': Ray could not be initialised: {exc}. {_ADVICE}"
                ) from exc
        _users += 1
        return True


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep back what Ray says when it starts, and what nobody has to do anything about.

    That is a warning about a later Ray's defaults, and one that its ports ask for a token; and
    until `disconnect` what the process that serves a Ray Client says of itself alone.
    """
    _client_logger.addFilter(_is_news)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        told = logging.getLogger("ray._private.authentication.authentication_token_setup")
        level = told.level
        told.setLevel(logging.ERROR)
        try:
            yield
        except BaseException:
            _client_logger.removeFilter(_is_news)
            raise
        finally:
            told.setLevel(level)


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
    """Tell whether Ray is reached through Ray Client, from a machine that is no node of it."""
    return bool(util.client.ray.is_connected())


def disconnect() -> None:
    """Undo one `connect` that returned True; the last one shuts Ray down, or leaves its cluster."""
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            ray.shutdown()
            _client_logger.removeFilter(_is_news)
            _restore_handlers()


def _is_news(record: logging.LogRecord) -> bool:
    return "SIGTERM handler is not set" not in record.getMessage()


def _remember_handlers() -> None:
    if threading.current_thread() is threading.main_thread():
        _handlers[signal.SIGTERM] = signal.getsignal(signal.SIGTERM)


def _restore_handlers() -> None:
    if threading.current_thread() is threading.main_thread():
        for number, handler in _handlers.items():
            signal.signal(number, handler)
    _handlers.clear()


def search_path() -> list[str]:
    """Return where workers may look for the user's modules: on this machine, where we look."""
    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
    if is_remote() or nodes != [ray.get_runtime_context().get_node_id()]:
        return []
    return [folder or os.getcwd() for folder in sys.path]
