"""A worker's end of the channel by which running trials hear of each other.

The channel makes a pruner sharper and is not needed: what it cannot bring, in time or at all, was
known when the trial started, or comes with its result. Nothing here waits, and nothing fails a
trial. To the driver go lines of JSON; what the driver knows comes back pickled.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import socket
import struct
import threading
from typing import Any

Address = tuple[str, int, str]
"""Host and port of the driver, and the token that it expects."""

LENGTH = ">I"
"""The format of the length before each answer."""

_CONNECT_S = 3.0


class ReportChannel:
    """Sends a trial's reports, and keeps what the driver answered last.

    Args:
        address: Where the driver listens.
        tid: The trial.
        unreachable: Addresses that this process has asked in vain.
    """

    def __init__(self, address: Address, tid: int, unreachable: set[Address]) -> None:
        self._address = address
        self._unreachable = unreachable
        self._tid = tid
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._latest: Any = None
        self._n_sent = 0

    def known_after(self, losses: dict[int, float], notes: list[float]) -> Any:
        """Send what is new, and return what the driver has answered; None before it has.

        Args:
            losses: All that the trial has reported.
            notes: See `hyperbridge.worker.verdicts.Verdict`.
        """
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._listen, name="hyperbridge-reports", daemon=True
            )
            self._thread.start()
        connection = self._socket
        if connection is not None:
            new = list(losses.items())[self._n_sent :]
            line = json.dumps([new, notes]).encode() + b"\n"
            try:
                if connection.send(line, socket.MSG_DONTWAIT) < len(line):
                    raise BlockingIOError  # the driver is far behind
                self._n_sent += len(new)
            except OSError:
                self.close()
        return self._latest

    def close(self) -> None:
        """End the connection."""
        connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        host, port, token = self._address
        if self._address in self._unreachable:
            return
        try:
            connection = socket.create_connection((host, port), _CONNECT_S)
        except OSError:
            self._unreachable.add(self._address)
            return
        try:
            connection.settimeout(None)
            connection.sendall(json.dumps([token, self._tid]).encode() + b"\n")
            with connection.makefile("rb") as answers:
                self._socket = connection
                while header := answers.read(struct.calcsize(LENGTH)):
                    (length,) = struct.unpack(LENGTH, header)
                    self._latest = pickle.loads(answers.read(length))
        except (OSError, ValueError, EOFError, struct.error, pickle.UnpicklingError):
            pass  # the trial, or the search, has ended
        finally:
            connection.close()
