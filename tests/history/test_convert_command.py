"""The command ``hyperbridge convert``, as a user calls it."""

from __future__ import annotations

import codecs
import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
import pytest
from hyperopt import hp, rand

import hyperbridge
from hyperbridge.cli.main import main
from hyperbridge.cli.space_file import load_space
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.kinds import Options, kinds, read_history

PROGRAM = """\
from hyperopt import fmin, hp, rand

print("hello")
space = {"x": hp.uniform("x", -3, 3), "kind": hp.choice("kind", ["svm", "forest"])}
flat = [hp.randint("n", 4)]
number = 3
constant = {"a": 1}

def build(wide=False):
    return {"x": hp.uniform("x", -9 if wide else -1, 1)}

def broken():
    return 1 / 0

fmin(lambda point: 1 / 0, space, rand.suggest, 10)
never = {"y": hp.uniform("y", 0, 1)}
"""


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in a folder of its own, and forget what was imported from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a pickle of eight trials, two of which failed."""
    space = {"x": hp.uniform("x", -3, 3), "kind": hp.choice("kind", ["svm", "forest"])}

    def objective(point: Any) -> Any:
        if point["x"] < -2:
            return {"status": "fail"}
        return {"loss": point["x"] ** 2, "status": "ok", "model": object()}

    trials = hyperopt.Trials()
    hyperopt.fmin(
        objective, space, rand.suggest, 8, trials=trials, show_progressbar=False,
        rstate=np.random.default_rng(2),
    )  # fmt: skip
    path = tmp_path / "old.pkl"
    path.write_bytes(pickle.dumps(trials))
    return path


def call(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[Any, str, str]:
    try:
        code: Any = main(["convert", *argv])
    except SystemExit as exc:
        code = exc.code
    return code, *capsys.readouterr()


def test_what_is_done_is_said(old: Path, capsys: Any) -> None:
    code, out, err = call(capsys, "old.pkl", "new.csv", "--allow-pickle")
    history = read_history(old, Options(allow_pickle=True))
    n = history.by_state()
    assert (code, sum(n.values())) == (0, 8)
    assert out == (
        f"8 trials of old.pkl: {n['complete']} complete, {n['failed']} failed; best loss "
        f"{history.best_loss():.10g}; written to new.csv\n"
    )
    assert err == (
        f"note: result['model'] of {n['complete']} trials is left out: a CSV file cannot hold a "
        "object\n"
    )
    assert read_history("new.csv", Options()).by_state() == n


def test_json_is_for_programs(old: Path, capsys: Any) -> None:
    code, out, err = call(capsys, "old.pkl", "new.json", "--allow-pickle", "--json")
    report = json.loads(out)
    assert code == 0
    assert (report["source"], report["target"]) == ("old.pkl", "new.json")
    assert sum(report["trials"].values()) == 8
    assert [f"note: {line}\n" for line in report["remarks"]] == err.splitlines(keepends=True)


def test_a_space_gives_the_options_their_names(old: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    fmin = hyperopt.fmin, hyperbridge.fmin
    arguments = "old.pkl", "new.csv", "--allow-pickle", "--space", "train.py:space"
    code, out, err = call(capsys, *arguments)
    assert code == 0
    assert "hello" in err
    assert "hello" not in out
    assert (hyperopt.fmin, hyperbridge.fmin) == fmin
    text = Path("new.csv").read_text()
    assert "choice.kind" in text
    assert "forest" in text


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["old.pkl", "new.csv"], "loading a pickle runs whatever code"),
        (["none.pkl", "new.csv"], "there is no 'none.pkl'"),
        (["old.pkl", "new.xyz", "--allow-pickle"], "cannot tell what 'new.xyz' is to be"),
        (["old.pkl", "old.pkl", "--allow-pickle"], "is source and target"),
        (["old.pkl", "there.csv", "--allow-pickle"], "exists already; --force replaces it"),
        (["old.pkl", "no/such/new.csv", "--allow-pickle"], "does not exist"),
        (["empty.pkl", "new.csv", "--allow-pickle"], "'empty.pkl' holds no trials"),
        (["old.pkl", "new.csv", "--allow-pickle", "--space", "train.py:flat"],
         "are of another space: they have 'kind', 'x', and the space has 'n'"),
        (["old.pkl", "new.csv", "--allow-pickle", "--study", "x"],
         "--study means nothing for a pickle of hyperopt's Trials and a CSV file"),
        (["old.pkl", "new.csv", "--tracking-uri", "x"], "--tracking-uri means nothing"),
        (["no_right.pkl", "new.csv", "--allow-pickle"], "Permission denied"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_code_1(
    old: Path, tmp_path: Path, argv: list[str], text: str, capsys: Any, monkeypatch: Any
) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    Path("no_right.pkl").write_bytes(b"")
    Path("there.csv").write_text("mine")
    monkeypatch.setattr(Path, "open", _refusing(Path.open))
    Path("empty.pkl").write_bytes(pickle.dumps(hyperopt.Trials()))
    names = sorted(path for path in tmp_path.glob("*.*") if path.name != "no_right.pkl")
    before = {path: path.read_bytes() for path in names}
    code, out, err = call(capsys, *argv)
    assert (code, out) == (1, "")
    assert text in err
    assert "Traceback" not in err
    assert {path: path.read_bytes() for path in names} == before
    assert sorted(path for path in tmp_path.glob("*.*") if path.name != "no_right.pkl") == names


def _refusing(original: Any) -> Any:
    """Return an ``open`` that has no right to one file, as for a user that is not root."""

    def open_file(path: Path, *args: Any, **kwargs: Any) -> Any:
        if path.name == "no_right.pkl":
            raise PermissionError(13, "Permission denied", str(path))
        return original(path, *args, **kwargs)

    return open_file


def test_other_packages_say_nothing_beside(old: Path, capsys: Any) -> None:
    code, out, err = call(capsys, "old.pkl", "sqlite:///new.db", "--allow-pickle")
    assert code == 0
    assert out.endswith("; written to sqlite:///new.db\n")
    assert all(line.startswith("note: ") for line in err.splitlines())
    assert "note: the study is named 'old', after the source; --study names it\n" in err


@pytest.mark.parametrize(
    "argv",
    [[], ["old.pkl"], ["a", "b", "--wrong"], ["a", "b", "c"], ["a", "b", "--space", "train.py"]],
)
def test_bad_usage_is_code_2(argv: list[str], capsys: Any) -> None:
    code, out, err = call(capsys, *argv)
    assert (code, out) == (2, "")
    assert "usage: hyperbridge convert" in err


def test_help_has_examples_and_every_kind(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["hyperbridge", "convert", "--help"])
    code, out, _ = call(capsys, "--help")
    assert code == 0
    assert "examples:" in out
    for kind in kinds():
        assert kind.help in out
        assert kind.example in out


def test_spaces_are_found_by_name_also_where_a_function_builds_them(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    assert list(load_space("train.py:space").parameters) == ["kind", "x"]
    assert load_space("train.py:build").parameters["x"].distribution.bounds() == (-1, 1)
    package = tmp_path / "package_of_spaces"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inside.py").write_text("from hyperopt import hp\nspace = hp.uniform('z', 0, 1)\n")
    assert list(load_space("package_of_spaces.inside:space").parameters) == ["z"]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("train.py", r"give FILE:NAME, for example train.py:space, not 'train.py'"),
        ("none.py:space", "there is no file 'none.py'"),
        ("no.such.module:space", "no.such.module cannot be imported: ModuleNotFoundError"),
        ("train.py:other", r"train.py has no 'other'. Spaces in it: space, flat"),
        ("train.py:never", r"train.py has no 'never'"),
        ("train.py:number", "is of type int, not a search space"),
        ("train.py:constant", "it has no label"),
        ("train.py:broken", r"broken\(\) raised ZeroDivisionError"),
        ("bad.py:space", "bad.py cannot be imported: ValueError: wrong"),
    ],
)
def test_what_is_no_space_is_said(given: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "bad.py").write_text("raise ValueError('wrong')\n")
    with pytest.raises(InvalidArgumentError, match=text):
        load_space(given)


def test_a_csv_file_that_a_spreadsheet_has_saved_is_read(old: Path, capsys: Any) -> None:
    assert call(capsys, "old.pkl", "new.csv", "--allow-pickle")[0] == 0
    text = Path("new.csv").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    Path("saved.csv").write_bytes(codecs.BOM_UTF8 + text)
    assert call(capsys, "new.csv", "one.json")[0] == 0
    assert call(capsys, "saved.csv", "other.json")[0] == 0
    one, other = (json.loads(Path(name).read_text()) for name in ("one.json", "other.json"))
    assert one["trials"] == other["trials"]
    assert len(one["trials"]) == 8
