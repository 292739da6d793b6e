"""What ``hyperbridge verify`` prints, and its exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hyperbridge.cli.main import main

pytest.importorskip("hyperopt")
pytest.importorskip("optuna")

PROGRAMS = Path(__file__).parent / "programs"
OLD = PROGRAMS / "original_of_tune.py"


@pytest.fixture
def right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "native.py"
    shutil.copy(PROGRAMS / "native_of_tune.py", path)
    return path


def test_the_same_search_ends_with_0(right: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--draws", "40", str(OLD), str(right)]) == 0
    said = capsys.readouterr().out
    assert "the searches are the same" in said
    assert "labels alone are compared" in said


def test_a_difference_ends_with_1_unless_it_is_accepted(
    right: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right.write_text(right.read_text().replace("n_trials=20", "n_trials=21"))
    command = ["verify", "--draws", "40", "--json", str(OLD), str(right)]
    assert main(command) == 1
    report = json.loads(capsys.readouterr().out)
    assert [f["kind"] for f in report["findings"] if f["is_difference"]] == ["budget"]
    assert main([*command, "--accept", "budget"]) == 0
    with right.open("a") as file:
        file.write("# verify: accept budget\n")
    assert main(command) == 0


def test_a_program_without_a_search_is_named(
    tmp_path: Path, right: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.py"
    empty.write_text("import optuna\nprint('nothing')\n")
    assert main(["verify", str(OLD), str(empty)]) == 1
    assert "empty.py: no search was seen" in capsys.readouterr().err
    failing = tmp_path / "failing.py"
    failing.write_text("import hyperopt\nopen('missing.csv')\n")
    assert main(["verify", str(failing), str(right)]) == 1
    assert "missing.csv" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_bad_usage(right: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["verify", "missing.py", str(right)])


def test_a_search_by_ask_and_tell_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    old = tmp_path / "old.py"
    old.write_text(
        (PROGRAMS / "ask_and_tell.py").read_text().replace("sys.argv[1:]", "['hyperopt']")
    )
    assert main(["verify", "--draws", "40", str(old), str(PROGRAMS / "ask_and_tell.py")]) == 0
    assert "the same: 1 parameters" in capsys.readouterr().out


def test_nothing_runs_on_after_a_time_limit(tmp_path: Path, right: Path) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text("import hyperopt, time\ntime.sleep(600)\n")
    command = [sys.executable, "-m", "hyperbridge", "verify", "--timeout", "3", slow, right]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1
    assert "did not end in 3 s" in done.stderr
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(slow) not in listed.stdout
