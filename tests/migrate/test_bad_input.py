"""Files that are not what they seem: named, skipped, exit code 1, nothing changed."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

import pytest
from golden_cases import before

from hyperbridge.cli.main import main

PROGRAM = (
    "from hyperopt import fmin, hp, rand\n"
    "best = fmin(lambda x: x, hp.uniform('x', 0, 1), algo=rand.suggest, max_evals=2)\n"
)

BAD = {
    "syntax_error.py": (b"from hyperopt import fmin\nbest = fmin(\n", "does not parse"),
    "python2.py": (b"import hyperopt\nprint 'best', hyperopt.fmin\n", "Python 2"),
    "null_bytes.py": (b"import hyperopt\n\0\n", "null bytes"),
    "wrong_encoding.py": ("import hyperopt\nx = 'é'\n".encode("latin-1"), "cannot be decoded"),
    "unknown_encoding.py": (b"# -*- coding: klingon -*-\nimport hyperopt\n", "cannot be decoded"),
    "mixed_tabs.py": (b"import hyperopt\nif 1:\n\tx = 1\n        y = 2\n", "does not parse"),
    "utf16.py": ("import hyperopt\n".encode("utf-16"), "cannot be decoded"),
    "huge.py": (b"x = 1  # hyperopt\n" * 300_000, "larger than 5 million"),
    "nested.py": (b"import hyperopt\n" + b"(" * 5000 + b")" * 5000, "does not parse"),
    "empty.ipynb": (b"  # hyperopt", "not a notebook"),
    "list.ipynb": (b'["hyperopt"]', "not a notebook"),
    "cell.ipynb": (
        b'{"cells": [{"cell_type": "code", "source": ["import hyperopt\\n", "x ="]}]}',
        "cell 1 line 2: does not parse",
    ),
    "broken.ipynb": (b'{"cells": [ "hyperopt"', "not a notebook"),
    "no_cells.ipynb": (b'{"hyperopt": 1}', "not a notebook"),
    "scala.ipynb": (
        json.dumps(
            {
                "cells": [{"cell_type": "code", "source": "hyperopt"}],
                "metadata": {"kernelspec": {"language": "scala"}},
            }
        ).encode(),
        "notebook of scala",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_migrate_names_it_and_changes_nothing(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, reason = BAD[name]
    path = tmp_path / name
    path.write_bytes(content)

    assert main(["migrate", str(path), "--to", "optuna", "--write"]) == 1
    error = capsys.readouterr().err
    assert str(path) in error
    assert reason in error
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", BAD)
def test_scan_names_it_and_goes_on(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, reason = BAD[name]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "zz_good.py").write_text(PROGRAM)

    assert main(["scan", str(tmp_path)]) == 1
    output = capsys.readouterr().out
    assert f"not read: HB001 {tmp_path / name}" in output
    assert reason in output
    assert "zz_good.py" in output


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", str(tmp_path / "no.py"), "--to", "optuna"]) == 1
    assert "no.py: cannot be read: No such file" in capsys.readouterr().err
    assert main(["scan", str(tmp_path / "no.py")]) == 1


def test_a_read_only_file_is_named_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "train.py"
    path.write_text(PROGRAM)
    path.chmod(0o444)
    if os.access(path, os.W_OK):  # root may write anything
        monkeypatch.setattr(os, "access", lambda *_: False)

    assert main(["migrate", str(path), "--to", "optuna", "--write"]) == 1
    assert "read-only" in capsys.readouterr().err
    assert path.read_text() == PROGRAM


def test_a_link_stays_a_link_and_its_target_changes(tmp_path: Path) -> None:
    target = tmp_path / "real.py"
    target.write_text(PROGRAM)
    target.chmod(0o750)
    link = tmp_path / "link.py"
    link.symlink_to(target)

    assert main(["migrate", str(link), "--to", "optuna", "--write"]) == 0
    assert link.is_symlink()
    assert "optuna.create_study" in target.read_text()
    assert target.stat().st_mode & 0o777 == 0o750
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.py", "real.py"]


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-8", ""), ("utf-8-sig", ""), ("latin-1", "# -*- coding: latin-1 -*-\n")],
)
def test_the_encoding_is_kept(encoding: str, mark: str, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    text = f"{mark}name = 'é'\n{PROGRAM}"
    path.write_bytes(text.encode(encoding))

    assert main(["migrate", str(path), "--to", "optuna", "--write"]) == 0
    content = path.read_bytes()
    assert "name = 'é'\n".encode(encoding.removesuffix("-sig")) in content
    assert content.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8-sig")
    compile(content, "train", "exec")


def test_tabs_are_kept_as_indentation(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    body = PROGRAM.replace("best", "\tbest").replace("\nbest", "\n\tbest")
    first, second = body.splitlines()
    path.write_text(f"{first}\ndef tune():\n{second}\n\treturn best\n")

    assert main(["migrate", str(path), "--to", "optuna", "--write"]) == 0
    text = path.read_text()
    compile(text, "train", "exec")
    assert "\n\tstudy.optimize(" in text


def line_ends(text: bytes) -> set[bytes]:
    return set(re.findall(rb"\r\n|\r|\n", text))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("engine", ["optuna", "ray"])
def test_line_ends_are_kept(end: str, engine: str, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_bytes(f"# tune\n{before('dict_space')}".replace("\n", end).encode())

    assert main(["migrate", str(path), "--to", engine, "--write"]) == 0
    content = path.read_bytes()
    assert line_ends(content) == {end.encode()}
    assert b"hyperopt" not in content
    compile(content, "train", "exec")


def test_an_empty_file_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "__init__.py"
    path.touch()
    assert main(["migrate", str(path), "--to", "optuna", "--write"]) == 0
    assert main(["scan", str(tmp_path)]) == 0
    assert path.read_bytes() == b""


def test_what_is_no_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    os.mkfifo(tmp_path / "pipe.py")
    reasons = {
        "loop.py": "Too many levels of symbolic links",
        "gone.py": "No such file",
        "pipe.py": "is not a regular file",
    }
    for name, reason in reasons.items():
        assert main(["migrate", str(tmp_path / name), "--to", "optuna", "--write"]) == 1
        error = capsys.readouterr().err
        assert str(tmp_path / name) in error
        assert reason in error
    assert main(["scan", str(tmp_path)]) == 1
    assert "pipe.py: is not a regular file" in capsys.readouterr().out


def test_a_folder_that_takes_no_files_is_named_and_the_file_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "train.py"
    path.write_text(PROGRAM)
    tmp_path.chmod(0o555)

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    if os.geteuid() == 0:  # root may write anywhere
        monkeypatch.setattr(tempfile, "mkstemp", refuse)
    try:
        assert main(["migrate", str(path), "--to", "optuna", "--write"]) == 1
    finally:
        tmp_path.chmod(0o755)
    assert "train.py: cannot be written: Permission denied" in capsys.readouterr().err
    assert path.read_text() == PROGRAM
    assert [p.name for p in tmp_path.iterdir()] == ["train.py"]


@pytest.mark.parametrize(
    "options",
    [
        "np.linspace(0, 1, 2 * 10**9)",
        "np.arange(0, 1, 1e-12)",
        "np.arange(10**13)",
        "[0] * 10**12",
        "range(10**9)",
    ],
)
def test_large_constants_are_not_worked_out(options: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import numpy as np\nfrom hyperopt import fmin, hp, tpe\n"
        f"space = {{'x': hp.choice('x', {options}), 'y': hp.uniform('%4000000000d' % 1, 0, 1)}}\n"
        "best = fmin(len, space, algo=tpe.suggest, max_evals=3)\n"
    )
    assert main(["migrate", str(tmp_path / "train.py"), "--to", "optuna", "--write"]) == 0
    assert f"suggest_option(trial, 'x', {options})" in (tmp_path / "train.py").read_text()


def test_a_fault_of_ours_in_one_file_does_not_end_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hyperbridge.migrate import planning

    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(before("bare_lambda"))
    original = planning.Planner.plan

    def plan(self: planning.Planner) -> list[planning.FilePlan]:
        if self.modules[0].source.path.name == "a.py":
            raise KeyError("fault")
        return original(self)

    monkeypatch.setattr(planning.Planner, "plan", plan)
    assert main(["migrate", str(tmp_path), "--to", "optuna", "--write"]) == 1
    assert "internal: please report this: KeyError" in capsys.readouterr().err
    assert (tmp_path / "a.py").read_text() == before("bare_lambda")
    assert "hyperopt" not in (tmp_path / "b.py").read_text()
