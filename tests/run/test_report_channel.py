"""The connection by which running trials hear of each other: who may use it, and what it leaves."""

from __future__ import annotations

import contextlib
import json
import pickle
import socket
import struct
import threading
from typing import Any

import pytest

from hyperbridge.documents import Trial, misc_of, new_document
from hyperbridge.pruning.rules import HalvingRule
from hyperbridge.run.dispatch import cancelled
from hyperbridge.run.pruning import Pruning
from hyperbridge.run.report_server import listening
from hyperbridge.worker import report_channel
from hyperbridge.worker.report_channel import CHALLENGE_LENGTH, HEADER, ReportChannel, seal
from hyperbridge.worker.reporting import ReportAttachment
from hyperbridge.worker.verdicts import Losses

HOST = "127.0.0.1"


def hear_nothing(*args: Any) -> None:
    raise AssertionError(args)


def test_a_trial_that_ends_while_it_connects_leaves_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_connect = threading.Event()
    connect = socket.create_connection

    def connect_late(*args: Any) -> socket.socket:
        may_connect.wait(60)
        return connect(*args)

    with listening(HOST, hear_nothing) as address:
        assert address is not None
        monkeypatch.setattr(report_channel.socket, "create_connection", connect_late)
        channel = ReportChannel(address, 0, set())
        channel.known_after(Losses([(0, 0.5)]), [])
        channel.close()
        may_connect.set()
        assert channel.is_over.wait(60)
        monkeypatch.undo()


def test_a_driver_that_is_far_behind_gets_all_reports_later() -> None:
    goes_on, came = threading.Event(), threading.Condition()
    heard: list[list[Any]] = []

    def hear(tid: int, new: list[Any], notes: list[float]) -> Any:
        assert tid == 7
        assert goes_on.wait(60)
        with came:
            heard.extend(new)
            came.notify()
        return {"reports": len(heard), "notes": notes}

    with listening(HOST, hear) as address:
        assert address is not None
        channel = ReportChannel(address, 7, set())
        losses = Losses()
        for step in range(1_000_000):
            losses.add(step, 0.5)
            channel.known_after(losses, [0.25])
            if channel._unsent:
                break
        for step in range(len(losses), len(losses) + 12_000):
            losses.add(step, 0.5)
            channel.known_after(losses, [0.25])
        goes_on.set()
        with came:
            while len(heard) < len(losses):
                channel.known_after(losses, [0.25])
                assert came.wait(60)
        assert heard == [list(each) for each in losses.items()]
        channel.close()
        assert channel.is_over.wait(60)


@pytest.mark.parametrize(
    "line",
    [b"\n", b"[" * 150 + b"\n", b"[3, 4]\n", b'["zz", 1]\n', b"\xff\n", b"x" * 100_000, b""],
    ids=["empty", "deep", "numbers", "no digits", "no text", "long", "the end"],
)
def test_who_cannot_prove_to_be_a_trial_of_ours_is_not_heard(line: bytes) -> None:
    with listening(HOST, hear_nothing) as address:
        assert address is not None
        host, port, token = address
        sealed = seal("another token", b"").hex()
        for said in [line, json.dumps([sealed, 1]).encode() + b"\n"]:
            with contextlib.closing(socket.create_connection((host, port), 60)) as connection:
                challenge = connection.recv(CHALLENGE_LENGTH, socket.MSG_WAITALL)
                assert token.encode() not in challenge
                with contextlib.suppress(OSError):  # it may have hung up by now
                    connection.sendall(said + b"[[[0, 0.5]], []]\n")
                    connection.shutdown(socket.SHUT_WR)
                    assert connection.recv(1) == b""


class Evil:
    def __reduce__(self) -> Any:
        return hear_nothing, ("it was unpickled",)


def test_a_worker_neither_tells_the_token_nor_reads_what_another_answers() -> None:
    """The driver has gone, and another program listens on its port."""
    with contextlib.closing(socket.create_server((HOST, 0))) as server:
        channel = ReportChannel((HOST, server.getsockname()[1], "the token"), 1, set())
        channel.known_after(Losses([(0, 0.5)]), [])
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as stream:
            connection.sendall(b"x" * CHALLENGE_LENGTH)
            proof, tid = json.loads(stream.readline())
            assert (bytes.fromhex(proof), tid) == (seal("the token", b"x" * CHALLENGE_LENGTH), 1)
            content = pickle.dumps(Evil())
            connection.sendall(struct.pack(HEADER, len(content), b"?" * 32) + content)
            assert channel.is_over.wait(60)
            assert channel.known_after(Losses([(0, 0.5)]), []) is None
            assert b"the token" not in stream.read()
        channel.close()


def test_a_lost_attempt_that_still_runs_does_not_speak_for_the_next_one() -> None:
    pruning = Pruning(HalvingRule(1, 2), host=HOST)
    document = new_document(3, misc_of(3, {"x": 0.5}, ["x"]), None)
    trial = Trial(3, {"x": 0.5}, document)
    with pruning.reachable():
        attachment = pruning.attachment
        assert isinstance(attachment, ReportAttachment)
        first, second = (pickle.loads(pruning.token(trial))[0] for _ in range(2))
        assert pruning._hear(first, [(1, 0.1)], [0.1]) is None
        assert pruning._hear(second, [(1, 0.9)], [0.9]) is not None
        pruning.ended(trial, cancelled("it was stopped"))
    assert document["misc"]["reports"] == [[1, 0.9]]
    assert pruning._hear(second, [(2, 0.9)], [0.9]) is None
