"""The main loop of a worker process on the driver's machine: messages in, reports out.

A frame is eight bytes of length and a pickle. The first frame is the runtime of the run.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import struct
import threading
from typing import IO

_LENGTH = struct.Struct(">Q")


def write_frame(stream: IO[bytes], content: bytes) -> None:
    """Write one frame.

    Raises:
        BrokenPipeError: Nobody reads any more.
    """
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes | None:
    """Read one frame; None at the end of the stream, also in the middle of a frame."""
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(header)
    content = stream.read(length)
    return content if len(content) == length else None


def serve(requests: int, reports: int) -> None:
    """Run trials until the parent closes its end; a trial that then still runs is killed.

    Args:
        requests: Descriptor to read messages from.
        reports: Descriptor to write reports to.
    """
    for descriptor in (requests, reports):
        os.set_inheritable(descriptor, False)
    frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    is_idle = threading.Event()
    is_idle.set()

    def receive() -> None:
        with os.fdopen(requests, "rb") as incoming:
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
    with os.fdopen(reports, "wb") as outgoing:
        while (content := frames.get()) is not None:
            is_idle.clear()
            report = runtime.run(pickle.loads(content))
            is_idle.set()
            write_frame(outgoing, report)
