"""``hyperbridge journal``: a journal for people and for programs, whole or damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import clean_child
import numpy as np
import pytest
from hyperopt import hp, rand

import hyperbridge
from hyperbridge.cli.main import main


def train(point: dict[str, Any]) -> Any:
    hyperbridge.report(2.0, 0)
    if point["x"] < -2:
        raise ValueError("too low")
    return {"loss": float("nan") if point["x"] < 0 else point["x"], "status": "ok"}


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "run.journal"
    hyperbridge.fmin(
        train, {"x": hp.uniform("x", -5, 5), "k": hp.choice("k", ["a", "b"])}, algo=rand.suggest,
        max_evals=12, journal=path, rstate=np.random.default_rng(1), show_progressbar=False,
        catch_eval_exceptions=True,
    )  # fmt: skip
    return path


def test_show_lists_calls_and_trials(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "show", str(journal)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("call of test_journal_verb.train, 20")
    assert lines[0].endswith("(max_evals)")
    assert lines[1].startswith("    hyperopt.rand on local, process ")
    head, *rows = lines[3:]
    assert head.split() == ["tid", "state", "loss", "seconds", "parameters"]
    assert [row.split()[0] for row in rows] == [str(n) for n in range(12)]
    assert {row.split()[1] for row in rows} == {"complete", "failed"}
    assert all("x=" in row and "k=" in row for row in rows)


def test_show_json_has_an_object_a_line(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "show", "--json", str(journal)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["tid"] for row in rows] == list(range(12))
    losses = {row["loss"] for row in rows if row["state"] == "complete"}
    assert "nan" in losses
    assert any(isinstance(loss, float) for loss in losses)
    failed = next(row for row in rows if row["state"] == "failed")
    assert failed["error"] == ["<class 'ValueError'>", "too low"]
    assert rows[0]["reports"] == [[0, 2.0]]
    assert rows[0]["seconds"] >= 0
    assert set(rows[0]["params"]) == {"x", "k"}


def test_check_says_what_is_wrong_and_where(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["journal", "check", str(journal)]) == 0
    assert capsys.readouterr().out == "whole: 12 trials, 12 of them final\n"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-5])
    assert main(["journal", "check", str(journal)]) == 1
    n_lines = whole.count(b"\n")
    assert f"line {n_lines}: its end is missing" in capsys.readouterr().out
    assert main(["journal", "show", str(journal)]) == 0
    assert f"line {n_lines} was cut off" in capsys.readouterr().out
    journal.write_bytes(whole[:300] + b"!" + whole[301:])
    for action in ("check", "show"):
        assert main(["journal", action, str(journal)]) == 1
        assert "is damaged in line " in capsys.readouterr().out
    journal.write_text("a,b\n")
    assert main(["journal", "check", str(journal)]) == 1
    assert "is no journal" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["show", "none.journal"], "No such file"),
        (["look", "run.journal"], "invalid choice: 'look'"),
        (["check", "--json", "run.journal"], "--json is for show"),
        (["show"], "the following arguments are required: FILE"),
    ],
)
def test_bad_usage_is_said_in_a_line(
    argv: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as info:
        main(["journal", *argv])
    assert info.value.code == 2
    assert message in capsys.readouterr().err


def test_run_keeps_a_journal_and_goes_on_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two searches in one script, run twice: each goes on in its own file."""
    for name in ("HYPERBRIDGE_JOURNAL", "HYPERBRIDGE_JOURNAL_IF_DIFFERENT"):
        monkeypatch.setenv(name, "")  # restored afterwards
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "train.py"
    text = """
import sys
from hyperopt import fmin, hp, rand
for n in (2, 3):
    fmin(lambda x: x**POWER, hp.uniform("x", 0, 1), algo=rand.suggest,
         max_evals=n + int(sys.argv[1]), show_progressbar=False)
"""
    command = ["-m", "hyperbridge", "run", "--no-tracking", "--journal", "run.journal"]

    def run(power: int, n_more: int, *options: str) -> Any:
        script.write_text(text.replace("POWER", str(power)))
        return clean_child.run([*command, *options, "train.py", str(n_more)])

    for n in range(2):
        done = run(2, n)
        assert done.returncode == 0, done.stderr
        for name, n_trials in (("run.journal", 2), ("run.2.journal", 3)):
            assert main(["journal", "check", name]) == 0
            assert capfd.readouterr().out.startswith(f"whole: {n_trials + n} trials")
    done = run(3, 2)
    assert done.returncode == 1
    assert "the code of the objective train.<lambda>" in done.stderr
    assert "--journal-if-different continue" in done.stderr
    done = run(3, 2, "--journal-if-different", "continue")
    assert done.returncode == 0, done.stderr
