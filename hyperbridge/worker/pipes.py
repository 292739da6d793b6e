"""The main loop of a worker process on the driver's machine: messages in, reports out.

A frame is eight bytes of length and a pickle. The first frame is the runtime of the run. An empty
frame comes back when a trial begins, and its report when it has ended.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import socket
import struct
import threading
from typing import IO

_LENGTH = struct.Struct(">Q")


def write_frame(connection: socket.socket, content: bytes) -> None:
    """Write one frame.

    Raises:
        BrokenPipeError: Nobody reads any more.
    """
    connection.sendall(_LENGTH.pack(len(content)))
    connection.sendall(content)


def read_frame(stream: IO[bytes]) -> bytes | None:
    """Read one frame; None at the end of the stream, also in the middle of a frame."""
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(header)
    content = stream.read(length)
    return content if len(content) == length else None


def serve(descriptor: int) -> None:
    """Run trials until the parent closes its end; a trial that then still runs is killed.

    Args:
        descriptor: Of a socket to read messages from and to write reports to.
    """
    connection = socket.socket(fileno=descriptor)
    connection.set_inheritable(False)
    frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    is_idle = threading.Event()
    is_idle.set()

    def receive() -> None:
        # A parent that was killed before it had read all resets the connection.
        with contextlib.suppress(ConnectionResetError), connection.makefile("rb") as incoming:
            while (content := read_frame(incoming)) is not None:
                frames.put(content)
        frames.put(None)
        if not is_idle.is_set():  # the parent was killed in the middle of a trial
            os.killpg(0, signal.SIGKILL)

    threading.Thread(target=receive, name="hyperbridge-requests", daemon=True).start()
    content = frames.get()
    if content is None:
        return
    runtime = pickle.loads(content)
    while (content := frames.get()) is not None:
        is_idle.clear()
        write_frame(connection, b"")
        report = runtime.run(pickle.loads(content))
        is_idle.set()
        write_frame(connection, report)
