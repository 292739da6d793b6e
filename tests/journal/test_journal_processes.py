"""Journals and other processes: workers that report, a second search, a disk that is full."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clean_child
import numpy as np
import pytest
from hyperopt import hp, rand
from same_values import is_same

import hyperbridge
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.journal.file import read_journal

PROGRAMS = Path(__file__).parent / "programs"


def events_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line.split(b" ", 2)[2]) for line in path.read_bytes().splitlines()]


def test_workers_and_lost_attempts_are_in_the_journal(tmp_path: Path) -> None:
    path, mark = tmp_path / "run.journal", tmp_path / "died"

    def fn(x: float) -> float:
        import os
        import time
        from pathlib import Path

        for step in range(30):  # the channel to the driver opens meanwhile
            hyperbridge.report(x + step, step, raises=False)
            hyperbridge.should_prune()
            time.sleep(0.01)
        if not Path(mark).exists():
            Path(mark).touch()
            os._exit(3)
        return x

    trials = hyperbridge.Trials()
    hyperbridge.fmin(
        fn, hp.uniform("x", -1, 1), algo=rand.suggest, max_evals=4, trials=trials, pruner="median",
        backend=hyperbridge.Local(workers="processes"), parallelism=2, journal=path,
        rstate=np.random.default_rng(0), show_progressbar=False,
    )  # fmt: skip
    kept = read_journal(path)
    assert is_same(kept.documents, trials._dynamic_trials)
    n_attempts = sum(document["misc"].get("attempts", 1) for document in kept.documents)
    counts = Counter(event["event"] for event in events_of(path))
    assert counts["started"] == n_attempts > 4
    assert counts["reported"] > 0
    reports = [event for event in events_of(path) if event["event"] == "reported"]
    xs = {d["tid"]: float(d["misc"]["vals"]["x"][0]) for d in kept.documents}
    assert all(event["loss"] == xs[event["tid"]] + event["step"] for event in reports)
    assert counts["ended"] == 4


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Any]:
    command = [str(PROGRAMS / "waiting_search.py"), str(tmp_path / "run.journal")]
    process = clean_child.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_the_second_search_is_refused_by_the_first_ones_process_which_may_be_looked_at(
    tmp_path: Path, running: Any
) -> None:
    path = tmp_path / "run.journal"
    arguments: dict[str, Any] = {"algo": rand.suggest, "max_evals": 1, "show_progressbar": False}
    with pytest.raises(InvalidArgumentError, match=rf"in use by process {running.pid} on "):
        hyperbridge.fmin(abs, hp.uniform("x", -1, 1), journal=path, **arguments)
    before = path.read_bytes()
    assert [d["state"] for d in read_journal(path).documents] == [1]
    running.kill()
    running.wait()
    assert path.read_bytes() == before
    journal = hyperbridge.Journal(path, if_different="continue")
    trials = hyperbridge.Trials()
    hyperbridge.fmin(abs, hp.uniform("x", -1, 1), journal=journal, trials=trials, **arguments)
    assert [d["state"] for d in trials._dynamic_trials] == [2]
    waited = read_journal(path).documents
    assert waited[0]["misc"]["vals"] == trials._dynamic_trials[0]["misc"]["vals"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 64 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def run_full(path: Path, n: int, *limit: str) -> str:
    done = clean_child.run([str(PROGRAMS / "full_disk.py"), str(path), str(n), *limit], fresh=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_disk_without_room_ends_no_search_and_harms_nothing(small_disk: Path) -> None:
    path, ballast = small_disk / "run.journal", small_disk / "ballast"
    assert "ended well" in run_full(path, 2)
    assert run_full(path, 12) == "in memory 12\nwarnings 1\n"
    kept = read_journal(path)
    assert kept.torn is None
    assert 2 < sum(d["state"] == 2 for d in kept.documents) < 12
    before = path.read_bytes()
    with pytest.raises(OSError, match="No space left"), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x")
    assert "refused: journal" in (out := run_full(path, 13))
    assert "No space left on device" in out
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_a_file_that_cannot_grow_ends_no_search_and_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"
    assert run_full(path, 12, "30000") == "in memory 12\nwarnings 1\n"
    kept = read_journal(path)
    assert kept.torn is None
    n_kept = sum(d["state"] == 2 for d in kept.documents)
    assert 0 < n_kept < 12
    assert path.stat().st_size <= 30_000
    assert "ended well" in run_full(path, 12)
    assert [d["state"] for d in read_journal(path).documents] == [2] * 12


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that nobody can write")
def test_a_folder_that_cannot_be_written_is_refused_before_the_first_trial() -> None:
    def fn(x: float) -> float:
        raise AssertionError("no trial runs")

    with pytest.raises(InvalidArgumentError, match=r"journal '/proc/run.journal': its folder"):
        hyperbridge.fmin(fn, hp.uniform("x", -1, 1), max_evals=1, journal="/proc/run.journal")
