"""A worker's end of the channel by which running trials hear of each other.

The channel makes a pruner sharper and is not needed: what it cannot bring, in time or at all, was
known when the trial started, or comes with its result. Nothing here waits, and nothing fails a
trial. To the driver go lines of JSON; what the driver knows comes back pickled. Both prove that
they have the search's token, which is never sent: another program may have got the driver's port.
"""

from __future__ import annotations

import _thread
import contextlib
import hmac
import json
import pickle
import socket
import struct
import threading
from itertools import islice
from typing import Any

Address = tuple[str, int, str]
"""Host and port of the driver, and the token that proves each to the other."""

CHALLENGE_LENGTH = 16
"""How many bytes the driver sends first; the worker answers with their seal, and its trial's id."""

HEADER = ">I32s"
"""The format of what comes before each answer: its length and its seal."""

_CONNECT_S = 3.0
_MOST_AT_ONCE = 5_000


def seal(token: str, content: bytes) -> bytes:
    """Return what only one who has the token can make of the content."""
    return hmac.new(token.encode(), content, "sha256").digest()


class ReportChannel:
    """Sends a trial's reports, and keeps what the driver answered last.

    Args:
        address: Where the driver listens.
        attempt: The number of the trial's attempt.
        unreachable: Addresses that this process has asked in vain.

    Attributes:
        is_over: Set when the thread that listens to the driver has ended.
    """

    def __init__(self, address: Address, attempt: int, unreachable: set[Address]) -> None:
        self._address = address
        self._unreachable = unreachable
        self._attempt = attempt
        self._socket: socket.socket | None = None
        self._has_begun = False
        self.is_over = threading.Event()
        self._latest: Any = None
        self._n_sent = 0
        self._unsent = b""
        self._is_closed = False
        self._lock = threading.Lock()

    def known_after(self, losses: dict[int, float], notes: list[float]) -> Any:
        """Send what is new, and return what the driver has answered; None before it has.

        Args:
            losses: All that the trial has reported.
            notes: See `hyperbridge.worker.verdicts.Verdict`.
        """
        if not self._has_begun:
            self._has_begun = True
            _thread.start_new_thread(self._run, ())  # a Thread's start() waits for it to run
        connection = self._socket
        if connection is not None:
            try:
                self._unsent = _rest_after_sending(connection, self._unsent)
                if not self._unsent:
                    self._unsent = _rest_after_sending(connection, self._line(losses, notes))
            except OSError:
                self.close()
        return self._latest

    def _line(self, losses: dict[int, float], notes: list[float]) -> bytes:
        """Return what was not sent yet; a driver that is far behind gets many reports at once."""
        new = list(islice(reversed(losses.items()), len(losses) - self._n_sent))
        new = new[: -_MOST_AT_ONCE - 1 : -1]
        self._n_sent += len(new)
        return json.dumps([new, notes]).encode() + b"\n"

    def close(self) -> None:
        """End the connection, also one that is just being made."""
        with self._lock:
            self._is_closed = True
            connection, self._socket = self._socket, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        try:
            self._listen()
        finally:
            self.is_over.set()

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
            with connection.makefile("rb") as answers:
                proof = seal(token, answers.read(CHALLENGE_LENGTH)).hex()
                connection.sendall(json.dumps([proof, self._attempt]).encode() + b"\n")
                connection.settimeout(None)
                with self._lock:
                    if self._is_closed:
                        return
                    self._socket = connection
                while header := answers.read(struct.calcsize(HEADER)):
                    length, sealed = struct.unpack(HEADER, header)
                    content = answers.read(length)
                    if not hmac.compare_digest(seal(token, content), sealed):
                        raise ValueError("it is not the driver who answers")
                    self._latest = pickle.loads(content)
        except (OSError, ValueError, EOFError, struct.error, pickle.UnpicklingError):
            pass  # the trial, or the search, has ended
        finally:
            connection.close()


def _rest_after_sending(connection: socket.socket, content: bytes) -> bytes:
    """Send what can be sent without waiting, and return the rest."""
    if not content:
        return content
    try:
        return content[connection.send(content, socket.MSG_DONTWAIT) :]
    except BlockingIOError:
        return content
