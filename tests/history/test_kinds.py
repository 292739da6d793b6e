"""The frame of histories: which kind a source or target is, and what is said of unknown ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hyperopt import Trials

from hyperbridge.errors import ArgumentTypeError, InvalidArgumentError
from hyperbridge.history.history import History
from hyperbridge.history.kinds import Options, kind_of_target, kinds, read_history, recognise
from hyperbridge.history.trials_kind import TrialsKind


def test_each_kind_says_what_it_is() -> None:
    for kind in kinds():
        assert all((kind.name, kind.help, kind.example))
        assert kind.reads == ("read" in vars(kind))
        assert kind.writes == ("write" in vars(kind))
        assert kind.reads or kind.writes
    assert len({kind.name for kind in kinds()}) == len(kinds())


def test_an_example_of_a_target_is_of_its_own_kind() -> None:
    for kind in kinds():
        if kind.writes:
            assert type(kind_of_target(kind.example)) is kind


def test_live_trials_are_read_as_they_are() -> None:
    assert isinstance(recognise(Trials()), TrialsKind)
    assert read_history(Trials(), Options()).documents == []
    history = History([], {}, "here")
    assert read_history(history, Options()) is history


def test_what_is_no_history_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"(?s)there is no .*nowhere.*trials\.pkl"):
        recognise(str(tmp_path / "nowhere"))
    strange = tmp_path / "strange"
    strange.write_bytes(b"\x00\x01\x02")
    with pytest.raises(InvalidArgumentError, match=r"is no history that is known"):
        recognise(strange)
    with pytest.raises(ArgumentTypeError, match=r"an object of type int is no history"):
        recognise(3)
    with pytest.raises(InvalidArgumentError, match=r"cannot tell what 'out\.xyz' is to be"):
        kind_of_target("out.xyz")
