"""A pickle that grows: whole at each instant, for pickle alone, and damage is seen."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import cloudpickle
import hyperopt
import numpy as np
import pytest
from hyperopt import hp, rand
from hyperopt.base import JOB_STATE_DONE

from hyperbridge.files.growing_pickle import DamagedFileError, GrowingPickle, check

READERS = [pickle.loads, cloudpickle.loads, pickle._loads]  # type: ignore[attr-defined]


def some_trials() -> Any:
    trials = hyperopt.Trials()
    hyperopt.fmin(
        lambda x: x, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=3, trials=trials,
        verbose=False, rstate=np.random.default_rng(0),
    )  # fmt: skip
    return trials


def another(document: Any, tid: int, **changes: Any) -> Any:
    return {**copy.deepcopy(document), "tid": tid, **changes}


def grown(path: Path, n: int = 3) -> tuple[Any, list[bytes]]:
    """Return the Trials that a file should hold, and the file's content after each addition."""
    trials = some_trials()
    live = copy.deepcopy(trials)
    file = GrowingPickle(path)
    file.write(live, live._dynamic_trials, live.attachments)
    contents = [path.read_bytes()]
    for i in range(n):
        new = another(trials._dynamic_trials[0], 10 + i, owner="ü" * i)
        changed = another(trials._dynamic_trials[1], 1, owner=i)
        trials._dynamic_trials.append(new)
        trials._dynamic_trials[1] = changed
        trials.attachments[f"ATTACH::{i}::name"] = bytes([i])
        file.add(
            [
                (live._dynamic_trials, None, new),
                (live._dynamic_trials, 1, changed),
                (live.attachments, f"ATTACH::{i}::name", bytes([i])),
            ]
        )
        contents.append(path.read_bytes())
    file.close()
    trials.refresh()
    return trials, contents


@pytest.mark.parametrize("read", READERS)
def test_what_was_added_is_read_as_if_it_had_been_written_at_once(
    tmp_path: Path, read: Any
) -> None:
    expected, contents = grown(tmp_path / "x.pkl")
    found = read(contents[-1])
    assert found._dynamic_trials == expected._dynamic_trials
    assert found.attachments == expected.attachments
    assert [d["tid"] for d in found.trials] == [0, 1, 2, 10, 11, 12]
    assert all(a is b for a, b in zip(found.trials, found._dynamic_trials, strict=True))
    assert found.argmin == expected.argmin


@pytest.mark.parametrize("read", READERS)
def test_a_kill_between_any_two_bytes_leaves_what_was_there_before(
    tmp_path: Path, read: Any
) -> None:
    _, contents = grown(tmp_path / "x.pkl", 2)
    before, after = contents[-2:]
    n_before = len(read(before)._dynamic_trials)
    gate = next(i for i, byte in enumerate(before) if byte != after[i])
    assert before[:gate] == after[:gate]
    assert before[gate + 1 :] == after[gate + 1 : len(before)]
    for n_written in range(len(after) - len(before) + 1):
        torn = before + after[len(before) : len(before) + n_written]
        check(torn)
        assert len(read(torn)._dynamic_trials) == n_before


def test_a_changed_bit_is_seen(tmp_path: Path) -> None:
    _, contents = grown(tmp_path / "x.pkl", 2)
    content = contents[-1]
    mark = content.index(b"hyperbridge growing pickle")
    magic = range(4, mark + 30)  # what tells a file of ours, and no more
    for at in range(len(content)):
        for bit in (1, 8, 128):
            changed = bytearray(content)
            changed[at] ^= bit
            if at < 4 or at in magic:
                continue
            with pytest.raises(DamagedFileError):
                check(bytes(changed))


def test_a_file_that_was_cut_is_refused_by_the_check_or_by_pickle(tmp_path: Path) -> None:
    _, contents = grown(tmp_path / "x.pkl", 2)
    for n in range(len(contents[-1])):
        cut = contents[-1][:n]
        with pytest.raises((DamagedFileError, EOFError, pickle.UnpicklingError)):
            check(cut)
            pickle.loads(cut)


def test_an_object_that_pickles_copies_of_its_parts_does_not_grow(tmp_path: Path) -> None:
    class Copying(hyperopt.Trials):
        def __getstate__(self) -> Any:
            return {**vars(self), "_dynamic_trials": list(self._dynamic_trials)}

    trials = Copying()
    file = GrowingPickle(tmp_path / "x.pkl")
    file.write(trials, trials._dynamic_trials)
    assert not file.is_growing


def test_documents_that_share_an_object_stay_right(tmp_path: Path) -> None:
    trials = some_trials()
    file = GrowingPickle(tmp_path / "x.pkl")
    file.write(trials, trials._dynamic_trials)
    shared = {"curve": [1, 2]}
    shared["self"] = shared  # a value that refers to itself
    for tid in (7, 8):
        document = another(trials._dynamic_trials[0], tid, state=JOB_STATE_DONE, spec=shared)
        file.add([(trials._dynamic_trials, None, document)])
    file.close()
    found = pickle.loads((tmp_path / "x.pkl").read_bytes())
    assert all(d["spec"]["self"] is d["spec"] for d in found.trials[-2:])
