"""Ctrl-C at the end of a search waits until its runs are ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from hyperbridge.files import processes
from hyperbridge.tracking import leftovers
from hyperbridge.tracking.interrupts import interrupts_deferred


def test_ctrl_c_in_the_block_is_raised_at_its_end():
    events = []
    with pytest.raises(KeyboardInterrupt), interrupts_deferred(lambda: events.append("hurry")):
        signal.raise_signal(signal.SIGINT)
        events.append("the rest of the block")
    assert events == ["hurry", "the rest of the block"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_interrupts_the_block():
    events = []
    with pytest.raises(KeyboardInterrupt), interrupts_deferred(lambda: events.append("hurry")):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        events.append("the rest of the block")
    assert events == ["hurry"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_block_without_ctrl_c_changes_nothing():
    with interrupts_deferred(lambda: pytest.fail("nobody pressed Ctrl-C")):
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def process_tag(code: str) -> str:
    """The tag of a Python process that runs some code, and has ended by now."""
    code = f"from hyperbridge.files import processes; print(processes.this_process()); {code}"
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def is_alive(process: str, *, is_shared: bool = False, fmin_uuid: str = "abcdef") -> bool:
    tags = {"hyperbridge.process": process, "fmin_uuid": fmin_uuid}
    return leftovers._is_open(tags, is_shared=is_shared)


def test_a_process_that_has_ended_is_dead():
    assert not is_alive(process_tag("pass"))


def test_a_process_that_got_the_id_of_a_dead_one_is_another():
    parent = os.getppid()
    now = processes._started(parent)
    assert is_alive(f"{socket.gethostname()}:{parent}:{now}")
    if now:  # only Linux tells when a process began
        assert not is_alive(f"{socket.gethostname()}:{parent}:1")


def test_a_process_elsewhere_is_alive_if_it_may_work_on_the_same_search():
    assert is_alive("another-machine:1:1", is_shared=True)
    assert not is_alive("another-machine:1:1", is_shared=False)


def test_a_call_of_this_process_is_alive_until_it_ends():
    leftovers.note_open("abcdef")
    assert is_alive(processes.this_process())
    leftovers.note_closed("abcdef")
    assert not is_alive(processes.this_process())


@pytest.mark.parametrize("tag", ["", "no process", "a:b", ":::"])
def test_a_run_without_a_known_process_is_left_alone_where_a_search_is_shared(tag):
    assert is_alive(tag, is_shared=True)
