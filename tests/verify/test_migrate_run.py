"""``migrate --run``: programs run before and after; a search that differs is not written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hyperbridge.cli.main import main
from hyperbridge.migrate import planning
from hyperbridge.migrate.file_plan import FilePlan

SPACE = 'from hyperopt import hp\n\nSPACE = {"x": hp.uniform("x", 0, 1)}\n'
TUNE = """\
from hyperopt import fmin, tpe
from space import SPACE


def tune(n):
    return fmin(lambda p: p["x"], SPACE, algo=tpe.suggest, max_evals=n, show_progressbar=False)
"""
START = """\
import sys
from pathlib import Path

from tune import tune

assert Path(__file__).with_name("data.txt").read_text() == "data"
tune(int(sys.argv[1]))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "space.py").write_text(SPACE)
    (folder / "tune.py").write_text(TUNE)
    (folder / "start.py").write_text(START)
    (folder / "data.txt").write_text("data")
    return folder


def test_a_search_in_a_module_is_run_by_way_of_what_imports_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["migrate", str(project), "--to", "optuna", "--run", "--args", "4", "--write"])
    error = capsys.readouterr().err

    assert code == 0, error
    assert f"{project / 'tune.py'}:6: HB240 note: was run: it is the same search" in error
    assert "hyperopt" not in (project / "tune.py").read_text()
    assert (project / "data.txt").read_text() == "data"
    assert {path.name for path in project.iterdir()} <= {
        *("space.py", "tune.py", "start.py", "data.txt", "__pycache__")
    }


def test_a_search_that_is_not_seen_is_not_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "start.py").unlink()
    assert main(["migrate", str(project), "--to", "optuna", "--run", "--write"]) == 1
    error = capsys.readouterr().err

    assert "HB242 to do: could not be compared" in error
    assert "nothing is written" in error
    assert (project / "tune.py").read_text() == TUNE
    assert (project / "space.py").read_text() == SPACE


def test_a_difference_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        "from hyperopt import fmin, hp, tpe\n\n"
        "one = fmin(lambda x: x, hp.uniform('x', 0, 1), algo=tpe.suggest, max_evals=4)\n"
        "two = fmin(lambda y: y, hp.uniform('y', 0, 1), algo=tpe.suggest, max_evals=5)\n"
    )
    path = tmp_path / "train.py"
    path.write_text(text)
    (tmp_path / "requirements.txt").write_text("hyperopt\n")
    original = planning.plan_modules

    def wrong(*arguments: Any) -> list[FilePlan]:
        plans = original(*arguments)
        return [
            replace(p, texts=tuple(t.replace("n_trials=5", "n_trials=6") for t in p.texts))
            for p in plans
        ]

    monkeypatch.setattr(planning, "plan_modules", wrong)
    arguments = ["migrate", str(tmp_path), "--to", "optuna", "--run", "--write"]
    assert main([*arguments, "--format", "json"]) == 1
    (file, requirements) = json.loads(capsys.readouterr().out)["files"]

    remarks = {remark["line"]: remark for remark in file["remarks"]}
    assert remarks[3]["code"] == "HB240"
    assert remarks[4]["code"] == "HB241"
    assert "budget: 6 trials; the original 5" in remarks[4]["text"]
    assert path.read_text() == text
    assert (tmp_path / "requirements.txt").read_text() == "hyperopt\n"
    assert requirements["changed"]

    path.write_text(text + "# verify: accept budget\n")
    assert main(arguments) == 0
    assert "hyperopt" not in path.read_text()


def test_a_notebook_is_run_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = (
        "from hyperopt import fmin, hp, tpe\n"
        "best = fmin(lambda x: x, hp.uniform('x', 0, 1), algo=tpe.suggest, max_evals=4)"
    )
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}
    document = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path = tmp_path / "tune.ipynb"
    path.write_text(json.dumps(document))

    assert main(["migrate", str(path), "--to", "optuna", "--run"]) == 0
    assert "cell 1 line 2: HB240 note" in capsys.readouterr().err


def test_a_normal_that_is_wanted_as_a_range_is_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.py"
    path.write_text(
        "from hyperopt import fmin, hp, tpe\n\nspace = {'x': hp.normal('x', 0, 1)}\n"
        "best = fmin(lambda p: p['x'], space, algo=tpe.suggest, max_evals=4)\n"
    )
    arguments = ["migrate", str(path), "--to", "optuna", "--normals", "bounded", "--run"]
    assert main(arguments) == 0, capsys.readouterr().err
