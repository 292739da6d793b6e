"""The driver's end of the channel by which running trials hear of each other.

It listens while a search with a pruner runs that compares trials, for the workers of backends that
say by which host they reach the driver. Who connects must prove that it knows the search's token;
what it sends is read as JSON and runs nothing. What is sent to it is sealed with the token.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
import pickle
import secrets
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

from hyperbridge.worker.report_channel import CHALLENGE_LENGTH, HEADER, Address, seal

logger = logging.getLogger(__name__)

_LONGEST_LINE = 1 << 20
_LONGEST_PROOF = 200
_PROOF_S = 10.0

Hear = Callable[[int, list[tuple[int, float]], list[float]], Any]
"""Takes an attempt's number, its new reports and its notes; returns what is known now, or None."""


@contextlib.contextmanager
def listening(host: str, hear: Hear) -> Iterator[Address | None]:
    """Listen for trials; yield where and with which token, or None where that is not possible.

    Args:
        host: By which workers reach this machine.
        hear: Called for each report, on several threads at once.
    """
    try:
        server = _Server(host, hear)
    except OSError as exc:  # a name that only others resolve
        logger.debug("no channel for reports on %s: %s", host, exc)
        yield None
        return
    try:
        yield host, server.port, server.token
    finally:
        server.close()


class _Server:
    """Accepts connections, with a thread for each trial that reports."""

    def __init__(self, host: str, hear: Hear) -> None:
        self.token = secrets.token_hex(16)
        self._hear = hear
        self._socket = socket.create_server((host, 0), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self._host = host
        self._lock = threading.Lock()
        self._is_closed = False
        self._open: dict[socket.socket, threading.Thread] = {}
        name = "hyperbridge-report-server"
        self._thread = threading.Thread(target=self._accept, name=name, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with self._lock:
                if self._is_closed:
                    connection.close()
                    return
                thread = threading.Thread(
                    target=self._serve, args=(connection,), name="hyperbridge-reports", daemon=True
                )
                self._open[connection] = thread
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(_PROOF_S)
            with connection, connection.makefile("rwb") as stream:
                attempt = self._proven(stream)
                if attempt is not None:
                    connection.settimeout(None)
                    self._answer(attempt, stream)
        except (OSError, ValueError, TypeError, RecursionError):  # it has gone, or is none of ours
            logger.debug("a connection for reports ended", exc_info=True)
        finally:
            with self._lock:
                self._open.pop(connection, None)

    def _proven(self, stream: Any) -> int | None:
        """Return the id of the trial that connects, if it proves to be one of ours."""
        challenge = secrets.token_bytes(CHALLENGE_LENGTH)
        stream.write(challenge)
        stream.flush()
        proof, attempt = json.loads(stream.readline(_LONGEST_PROOF))
        is_ours = hmac.compare_digest(bytes.fromhex(proof), seal(self.token, challenge))
        return int(attempt) if is_ours else None

    def _answer(self, attempt: int, stream: Any) -> None:
        """Answer each report of a trial with what is known, where that has changed."""
        told: Any = None
        while line := stream.readline(_LONGEST_LINE):
            new, notes = json.loads(line)
            known = self._hear(attempt, new, notes)
            if known is not None and known is not told:
                content = pickle.dumps(known)
                stream.write(struct.pack(HEADER, len(content), seal(self.token, content)) + content)
                stream.flush()
                told = known

    def close(self) -> None:
        """End all connections, and wait for their threads."""
        with self._lock:
            self._is_closed = True
            threads = list(self._open.values())
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):  # wakes the thread that accepts
            socket.create_connection((self._host, self.port), 5).close()
        for thread in [self._thread, *threads]:
            thread.join(5)
        self._socket.close()
