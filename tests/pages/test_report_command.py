"""The command ``hyperbridge report``, as a user calls it."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import hyperopt
import numpy as np
import pytest
from hyperopt import hp, rand

from hyperbridge.cli.main import main

pytest.importorskip("plotly")

PROGRAM = """\
from hyperopt import hp
space = {"x": hp.uniform("x", -3, 3), "kind": hp.choice("kind", ["<svm>", "forest"])}
"""


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a pickle of eight trials, and return that."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "program_of_report", raising=False)
    space = {"x": hp.uniform("x", -3, 3), "kind": hp.choice("kind", ["<svm>", "forest"])}
    trials = hyperopt.Trials()
    hyperopt.fmin(
        lambda point: point["x"] ** 2, space, rand.suggest, 8, trials=trials,
        rstate=np.random.default_rng(0), show_progressbar=False,
    )  # fmt: skip
    (tmp_path / "old.pkl").write_bytes(pickle.dumps(trials))
    (tmp_path / "program_of_report.py").write_text(PROGRAM)
    return tmp_path / "old.pkl"


def test_a_page_is_written(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = ["--space", "program_of_report.py:space"]
    assert main(["report", "old.pkl", "--allow-pickle", "-o", "new.html", *space]) == 0
    page = Path("new.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "&lt;svm&gt;" in page
    out = capsys.readouterr().out
    assert out.startswith("8 trials of old.pkl; best loss 0.")
    assert out.endswith("; see new.html\n")


def test_a_page_that_is_there_is_replaced_and_other_files_are_not(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = old.read_bytes()
    assert main(["report", "old.pkl", "--allow-pickle", "-o", "old.pkl"]) == 1
    assert "is no HTML page" in capsys.readouterr().err
    assert old.read_bytes() == before
    Path("report.html").write_text("<!doctype html>old")
    assert main(["report", "old.pkl", "--allow-pickle"]) == 0
    assert len(Path("report.html").read_text(encoding="utf-8")) > 1e6


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["old.pkl"], "--allow-pickle"),
        (["missing.db"], "there is no 'missing.db'"),
        (["old.pkl", "--allow-pickle", "-o", "no/folder/x.html"], "no/folder"),
        (["old.pkl", "--allow-pickle", "--space", "program_of_report.py:y"], "has no 'y'"),
    ],
)
def test_what_cannot_be_read_or_written_is_said(
    old: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *arguments]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("hyperbridge: ")
    assert says in said.err
    assert not list(old.parent.glob("*.html"))


def test_a_missing_package_is_named_before_anything_is_read(
    old: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [each for each in sys.modules if each.partition(".")[0] == "plotly"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "plotly", None)
    assert main(["report", "missing.db"]) == 1
    assert "pip install 'hyperbridge[report]'" in capsys.readouterr().err


def test_help_lists_the_sources(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("report", "dashboard"):
        with pytest.raises(SystemExit):
            main([verb, "--help"])
        assert "sqlite:///study.db" in capsys.readouterr().out
