"""The file of a journal: what is in it comes back, and damage, cuts and full disks are survived."""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_RUNNING
from hypothesis import given, settings
from hypothesis import strategies as st
from same_values import is_same

from hyperbridge.cli.main import main
from hyperbridge.documents import Document, misc_of, new_document
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.journal import events
from hyperbridge.journal import file as journal_file
from hyperbridge.journal.contents import Contents, contents_of
from hyperbridge.journal.documents import change_of, core_of, text_of, whole_of
from hyperbridge.journal.file import JournalFile, read_journal, write_journal
from hyperbridge.journal.lines import Record, Scan, line_of
from hyperbridge.journal.values import Loss

NOW = datetime(2026, 11, 28, 6, 17, 20, 853000)
CALL: dict[str, Any] = {
    "space": {"": "x"},
    "objective": {"name": "train.f", "code": "source:1"},
    "backend": "local",
    "algo": "hyperopt.tpe",
    "max_evals": 3,
    "first_stream": {"seeds": {"state": 2**127, "inc": 1}, "n_ids": 0},
    "stream": {"seeds": {"state": 2**127, "inc": 1}, "n_ids": 7},
}


def no_loss(where: str, loss: Loss) -> None:
    raise AssertionError(f"{where}: {loss}")


def document(tid: int, x: Any = 0.5) -> Document:
    return new_document(tid, misc_of(tid, {"x": x}, ["x", "k"], idx=np.int64(tid)), None)


def done(tid: int) -> Document:
    made = document(tid)
    made.update(
        state=JOB_STATE_DONE,
        result={"loss": tid / 7, "status": "ok", "arr": np.arange(2)},
        book_time=NOW,
        refresh_time=NOW,
    )
    made["misc"]["redrawn"] = 2
    return made


def proposed(*documents: Document, stream: Any = None) -> Record:
    return events.proposed([whole_of(d, no_loss) for d in documents], stream)


def small_journal() -> list[Record]:
    """Return one record of each kind, of three trials."""
    return [
        events.call(**CALL),
        events.tracked({"run_id": "abc"}),
        events.brought(done(7), {"note": b"old"}, no_loss),
        proposed(document(8), document(9), stream={"seeds": {"state": 2**100}, "n_ids": 9}),
        events.started({**document(8), "book_time": NOW}, 2),
        events.reported(8, 3, float("nan"), 1_700_000_000_000),
        events.ended(
            change_of(done(8), text_of(core_of(document(8), no_loss)), no_loss),
            {"model": b"\0\1"},
            no_loss,
        ),
        events.started({**document(9), "book_time": NOW}, 1),
        events.reported(9, 0, 0.25, 1_700_000_000_001),
        events.closed("timeout"),
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "run.journal"
    write_journal(path, small_journal())
    return path


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def reopened(path: Path) -> Contents:
    """Open a journal as a search does, and close it."""
    file = JournalFile(path)
    contents = file.open()
    file.release()
    assert contents is not None
    return contents


def test_what_was_written_comes_back(path: Path) -> None:
    found = read_journal(path)
    assert found.torn is None
    assert found.written_by.startswith("hyperbridge")
    assert [d["tid"] for d in found.documents] == [7, 8, 9]
    assert is_same(found.documents[0], done(7))
    assert is_same(found.documents[1], done(8))
    running = {**document(9), "state": JOB_STATE_RUNNING, "book_time": NOW, "refresh_time": NOW}
    assert is_same(found.documents[2], running)
    assert found.attachments == {"ATTACH::7::note": b"old", "ATTACH::8::model": b"\0\1"}
    assert found.stream == {"seeds": {"state": 2**100}, "n_ids": 9}
    assert found.first_stream == CALL["first_stream"]
    assert found.tracking == {"run_id": "abc"}
    assert found.reports == {9: [(0, 0.25, 1_700_000_000_001)]}
    (call,) = found.calls
    plain = {key: value for key, value in CALL.items() if "stream" not in key}
    assert {key: call[key] for key in plain} == plain
    assert call["process"].split(":")[1] == str(os.getpid())
    assert call["closed"]["reason"] == "timeout"


def test_an_attempt_that_follows_starts_afresh() -> None:
    found = contents_of(
        [
            proposed(document(1)),
            events.started({**document(1), "book_time": NOW}, 1),
            events.reported(1, 0, 0.5, 1),
            events.started({**document(1), "book_time": NOW}, 2),
        ]
    )
    assert found.reports == {}
    assert found.documents[0]["misc"]["attempts"] == 2


def test_an_id_whose_trial_was_given_up_goes_to_another() -> None:
    found = contents_of([proposed(document(1, 0.5), document(2)), proposed(document(1, 0.75))])
    assert [d["tid"] for d in found.documents] == [2, 1]
    assert found.documents[1]["misc"]["vals"]["x"] == [0.75]


PLAIN = st.recursive(
    st.one_of(
        st.none(), st.integers(), st.floats(), st.floats().map(np.float64), st.text(max_size=5)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)
NAMED = st.dictionaries(st.text(max_size=5), PLAIN, max_size=3)


@st.composite
def documents(draw: Any) -> Document:
    tid = draw(st.integers(0, 2**40))
    labels = draw(st.lists(st.text(max_size=5), unique=True, max_size=4))
    reached = [label for label in labels if draw(st.booleans())]
    values = st.one_of(st.floats(), st.floats().map(np.float64), st.integers().map(str))
    assignment = {label: draw(values) for label in reached}
    idx = draw(st.sampled_from([None, np.int64(5), "other"]))
    misc = misc_of(tid, assignment, labels, idx=idx)
    if draw(st.booleans()):
        misc["cmd"] = draw(st.one_of(st.none(), st.just(["a", "b"]), st.just(("x", "y"))))
        misc["workdir"] = draw(st.sampled_from([None, "/tmp"]))
    if reached and draw(st.booleans()):
        misc["idxs"][reached[0]] = [draw(PLAIN)]
    if draw(st.integers(0, 9)) == 0:
        del misc["workdir"]
    made = new_document(tid, misc, draw(st.sampled_from([None, "e1"])))
    made.update({f"own {key}": value for key, value in draw(NAMED).items()})
    return made


@settings(max_examples=200, deadline=None)
@given(documents(), NAMED, NAMED, NAMED, st.integers(0, 4), st.booleans())
def test_any_document_comes_back_as_it_is(
    before: Document,
    result: dict[str, Any],
    other: dict[str, Any],
    attachments: dict[str, Any],
    state: int,
    says_all: bool,
) -> None:
    first = proposed(before)
    after = {**before, "misc": {**before["misc"], **other}, "result": result, "state": state}
    core = None if says_all else text_of(core_of(before, no_loss))
    part = change_of(after, core, no_loss)
    records = [first, events.ended(part, attachments, no_loss)]
    data, checksum = b"", 0
    for record in records:
        line, checksum = line_of(record, checksum)
        data += line
    found = contents_of(Scan(data))
    assert len(found.documents) == 1
    assert is_same(sort(found.documents[0]), sort(after))
    assert is_same(
        sort(found.attachments),
        sort({f"ATTACH::{after['tid']}::{name}": value for name, value in attachments.items()}),
    )


def sort(value: Any) -> Any:
    """Return a value with the keys of its dicts in order: theirs in a document is not kept."""
    if type(value) is dict:
        return {key: sort(value[key]) for key in sorted(value, key=repr)}
    return value


# -- cuts and damage -------------------------------------------------------------------------


def test_a_last_record_that_was_cut_off_anywhere_is_dropped(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = path.read_bytes()
    last = lines_of(path)[-1]
    kept = len(whole) - len(last)
    for n_left in range(1, len(last)):
        path.write_bytes(whole[: kept + n_left])
        torn = read_journal(path).torn
        assert (torn.number, torn.offset, torn.length) == (11, kept, n_left)  # type: ignore[union-attr]
        assert path.stat().st_size == kept + n_left  # reading changes nothing
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert len(reopened(path).documents) == 3
        assert f"Its {n_left} bytes are dropped" in caplog.text
        assert path.read_bytes() == whole[:kept]


def test_what_is_appended_after_a_cut_follows_the_last_whole_record(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])
    file = JournalFile(path)
    file.open()
    file.append([events.closed("loss_threshold")], sync=True)
    file.release()
    assert read_journal(path).calls[0]["closed"]["reason"] == "loss_threshold"


def test_zeros_that_a_power_failure_left_at_the_end_are_dropped(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0" * 4096)
    assert len(reopened(path).documents) == 3
    assert path.read_bytes() == whole


def test_a_bit_that_flips_anywhere_is_seen(path: Path) -> None:
    whole = path.read_bytes()
    n_last = len(lines_of(path)[-1])
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        if position >= len(whole) - n_last:
            torn = read_journal(path).torn
            assert torn is not None, position
            assert torn.offset == len(whole) - n_last
            continue
        line = whole[:position].count(b"\n") + 1
        with pytest.raises(InvalidArgumentError, match=f"line {line}:|is no journal") as info:
            JournalFile(path).open()
        assert str(path) in str(info.value)
        assert path.read_bytes() == damaged, "the file is untouched"


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [*lines[:3], *lines[4:]],
        lambda lines: [*lines[:3], lines[2], *lines[3:]],
        lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]],
        lambda lines: [*lines[:3], b"\n", *lines[3:]],
    ],
    ids=["missing", "twice", "exchanged", "blank"],
)
def test_a_line_that_is_not_in_its_place_is_seen(
    path: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    path.write_bytes(b"".join(change(lines_of(path))))
    with pytest.raises(InvalidArgumentError, match=r"damaged in line 4: .*head -n 3"):
        read_journal(path)


def test_the_lines_before_a_damaged_one_are_a_journal(path: Path) -> None:
    path.write_bytes(b"".join(lines_of(path)[:5]))
    assert len(read_journal(path).documents) == 3


def rewritten(path: Path, number: int, text: str) -> None:
    """Replace the JSON of a line, with right checksums from there on."""
    checksum = 0
    data = b""
    for index, line in enumerate(lines_of(path), start=1):
        raw = text.encode() if index == number else line.split(b" ", 2)[2].rstrip(b"\n")
        rest = b"%d %b" % (len(raw), raw)
        checksum = zlib.crc32(rest, checksum)
        data += b"%08x %b\n" % (checksum, rest)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"event":"danced"}', "there is no event 'danced'"),
        (
            '{"event":"started","at":1,"tid":99,"book_time":null}',
            "trial 99 was not proposed",
        ),
        ('{"event":"ended","at":1}', "is not as it should be"),
        (
            '{"event":"proposed","at":1,"trials":[{"tid":1}],"stream":null}',
            "trial 1 was not proposed",
        ),
        ('{"event":"proposed","trials":7}', "is not as it should be"),
        ("[1]", "not one JSON object"),
        ('{"event":"closed"}x', "not one JSON object"),
        ('{"event":', "cannot be read"),
        ('{"event":NaN}', "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ('{"event":{"$system":"rm"}}', "no value of the kind"),
    ],
)
def test_a_record_that_makes_no_sense_is_refused(path: Path, text: str, message: str) -> None:
    rewritten(path, 4, text)
    with pytest.raises(InvalidArgumentError, match=f"damaged in line 4: .*{message}"):
        read_journal(path)


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 10),
        st.floats(0, 1),
        st.text(max_size=3),
        st.sampled_from(["$tuple", "$array", "tid", "vals", "document", "misc", "state", "result"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["$tuple", "$set", "$array", "$lost", "tid", "vals", "misc", "x"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)


def replaced(value: Any, draw: Any) -> Any:
    """Return a value with some part of it replaced by anything."""
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: replaced(value[key], draw)}
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], replaced(value[at], draw), *value[at + 1 :]]
    return draw(JSON)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_records_of_anybodys_making_are_read_or_refused(data: Any) -> None:
    records = small_journal()
    at = data.draw(st.integers(0, len(records) - 1))
    records[at] = replaced(records[at], data.draw)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.journal"
        write_journal(path, records)
        try:
            contents = read_journal(path)
        except InvalidArgumentError:
            return
        assert len(contents.documents) <= 4
        assert main(["journal", "show", str(path)]) == 0


def test_a_newer_version_is_refused(path: Path) -> None:
    first = {"event": "journal", "format": "hyperbridge journal", "version": 2, "written_by": "x 9"}
    rewritten(path, 1, json.dumps(first))
    before = path.read_bytes()
    with pytest.raises(InvalidArgumentError, match=r"version 2 .*written by x 9.*Install a newer"):
        JournalFile(path).open()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n", "is no journal"),
        (b"a table\nof something\n", "is no journal"),
        (b"\x80\x05cos\nsystem\n.", "is no journal"),
        (b'{"event": "journal"}\n', "is no journal"),
    ],
)
def test_what_is_no_journal_is_refused_and_untouched(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(InvalidArgumentError, match=message):
        JournalFile(path).open()
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_journal_that_is_cut_in_its_first_line_is_none(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(InvalidArgumentError, match="is no journal"):
        JournalFile(path).open()


# -- writing ---------------------------------------------------------------------------------


def test_a_new_journal_in_which_nothing_was_written_is_removed(tmp_path: Path) -> None:
    file = JournalFile(tmp_path / "run.journal")
    assert file.open() is None
    assert read_journal(file.path).documents == []  # it is a journal at once
    file.release()
    assert list(tmp_path.iterdir()) == []


def test_a_symbolic_link_stays_one(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    size = path.stat().st_size
    file = JournalFile(link)
    file.open()
    file.append([events.closed(None)], sync=True)
    file.release()
    assert link.is_symlink()
    assert path.stat().st_size > size


@pytest.mark.parametrize("place", ["missing/run.journal", "."])
def test_a_path_that_cannot_be_a_files_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(InvalidArgumentError, match="journal"):
        JournalFile(tmp_path / place)


def test_a_second_search_is_refused_by_name(path: Path) -> None:
    file = JournalFile(path)
    file.open()
    with pytest.raises(InvalidArgumentError, match=f"in use by .*pid {os.getpid()}"):
        JournalFile(path).open()
    assert len(read_journal(path).documents) == 3  # anybody may look
    file.release()
    reopened(path)


class Full:
    """Stands for os.write on a disk that takes a number of bytes, and for a sync that fails."""

    def __init__(self, room: int, *, can_sync: bool = True) -> None:
        self.room = room
        self.can_sync = can_sync
        self.write = os.write

    def __call__(self, fd: int, data: Any) -> int:
        if not self.room:
            raise OSError(28, "No space left on device")
        part = bytes(data)[: self.room]
        self.room -= len(part)
        return self.write(fd, part)

    def sync(self, fd: int) -> None:
        if not self.can_sync:
            raise OSError(5, "Input/output error")


def test_a_full_disk_loses_nothing_that_was_written_and_what_is_missing_follows(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = path.read_bytes()
    file = JournalFile(path)
    file.open()
    disk = Full(room=25)
    monkeypatch.setattr(journal_file.os, "write", disk)
    for reason in ("one", "two"):
        with pytest.raises(OSError, match="No space left"):
            file.append([events.closed(reason)], sync=True)
        assert path.read_bytes() == whole
    disk.room = 10**6
    file.append([events.closed("three")], sync=True)
    file.release()
    texts = [json.loads(line.split(b" ", 2)[2]) for line in lines_of(path)[-3:]]
    assert [text["reason"] for text in texts] == ["one", "two", "three"]
    read_journal(path)


def test_what_a_failed_sync_may_have_lost_is_written_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = path.read_bytes()
    file = JournalFile(path)
    file.open()
    disk = Full(room=10**6, can_sync=False)
    monkeypatch.setattr(journal_file, "_sync", disk.sync)
    file.append([events.closed("one")], sync=False)
    with pytest.raises(OSError, match="Input/output"):
        file.append([events.closed("two")], sync=True)
    assert path.read_bytes() == whole
    disk.can_sync = True
    file.append([], sync=True)
    file.release()
    texts = [json.loads(line.split(b" ", 2)[2]) for line in lines_of(path)[-2:]]
    assert [text["reason"] for text in texts] == ["one", "two"]


@pytest.mark.parametrize("sync", [True, False])
def test_an_interrupt_between_any_two_lines_of_ours_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: bool
) -> None:
    """What was being appended is there once or not at all, and what follows is there."""
    path = tmp_path / "run.journal"
    monkeypatch.setattr(journal_file, "_sync", lambda fd: None)
    for n in range(1, 200):
        file = JournalFile(path)
        file.open()
        file.append([events.closed("before")], sync=False)
        n_left = n

        def interrupt(frame: Any, event: str, arg: Any) -> Any:
            nonlocal n_left
            if frame.f_code.co_filename != journal_file.__file__:
                return None
            if event == "line":
                n_left -= 1
                if n_left == 0:
                    raise KeyboardInterrupt
            return interrupt

        before = sys.gettrace()
        sys.settrace(interrupt)
        try:
            file.append([events.closed("one"), events.closed("two")], sync=sync)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        file.append([events.closed("after")], sync=True)
        file.release()
        reasons = [json.loads(line.split(b" ", 2)[2])["reason"] for line in lines_of(path)[1:]]
        assert reasons in (["before", "one", "two", "after"], ["before", "after"]), n
        assert read_journal(path).torn is None
        path.unlink()
        if n_left > 0:
            break
    assert n > 20


def test_a_fork_that_comes_back_writes_nothing(path: Path) -> None:
    file = JournalFile(path)
    file.open()
    whole = path.read_bytes()
    if (pid := os.fork()) == 0:
        file.append([events.closed("fork")], sync=True)
        file.release()
        os._exit(0)
    os.waitpid(pid, 0)
    assert path.read_bytes() == whole
    with pytest.raises(InvalidArgumentError, match="in use"):
        JournalFile(path).open()
    file.release()
