"""Starts a `warm_python` and orders children from it; with the standard library alone."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WARM = Path(__file__).with_name("warm_python.py")
PATIENCE_S = 120.0
OWNER = "WARM_PYTHON_OF_TESTS"
"""The variable that tells an engine's workers the socket file of the process that started it."""


def order(
    owner: str, own: str, preloaded: Sequence[str], request: dict[str, Any], streams: list[int]
) -> socket.socket:
    """Have a child forked; return the socket on which it is heard.

    Args:
        owner: The socket file of the process with which the server ends.
        own: The server's socket file; where there is none, a server is started, with the
            environment of this process.
        preloaded: What a new server imports.
        request: ``arguments``, ``cwd``, ``env``, ``without`` (packages to import anew),
            ``descriptors`` (the numbers of ``streams`` there, if they are not the first three) and
            ``leads_session`` (False if it does not lead a Unix session of its own).
        streams: The file descriptors that it gets.
    """
    import fcntl  # not on Windows, where nothing is forked

    with open(f"{own}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(own):
            _start(owner, own, preloaded)
    line = socket.socket(socket.AF_UNIX)
    line.connect(own)
    text = json.dumps(request).encode()
    socket.send_fds(line, [b"."], streams)
    line.sendall(f"{len(text)}\n".encode() + text)
    return line


def stand_in(owner: str, name: str, preloaded: Sequence[str], request: dict[str, Any]) -> None:
    """Have a child forked that takes this process's streams, and return when it has ended.

    Args:
        owner: As for `order`.
        name: Of the server's socket file, which is beside the owner's.
        preloaded: As for `order`.
        request: As for `order`.
    """
    own = f"{Path(owner).parent}/{name}"
    with order(owner, own, preloaded, request, [0, 1, 2]) as line:
        while line.recv(100):
            pass


def _start(owner: str, own: str, preloaded: Sequence[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, str(WARM), owner, own, *preloaded],
        cwd="/",
        env={**os.environ, "GIT_PYTHON_REFRESH": "quiet", "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + PATIENCE_S
    while not os.path.exists(own):
        if process.poll() is not None or time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise RuntimeError(f"{WARM.name} did not start: exit code {process.poll()}")
        time.sleep(0.01)
