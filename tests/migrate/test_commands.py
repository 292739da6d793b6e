"""The verbs scan and migrate: output, exit codes, notebooks, speed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from golden_cases import before

from hyperbridge.cli.main import main

PROGRAM = before("dict_space")
UNTOLD = "from hyperopt import fmin, hp, anneal\nbest = fmin(len, unknown, algo=anneal.suggest)\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "untold.py").write_text(UNTOLD)
    (tmp_path / "other.py").write_text("print('nothing')\n")
    for folder in (".git", "node_modules", "env"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "skipped.py").write_text(PROGRAM)
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    return tmp_path


def test_scan_lists_each_use_once_by_file_and_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", "--json", str(project), str(project / "train.py")]) == 1
    report = json.loads(capsys.readouterr().out)
    lines = PROGRAM.splitlines()
    found = [f for f in report["findings"] if f["path"].endswith("train.py")]

    assert {(f["kind"], f["name"]) for f in found} >= {
        ("space", "hp.uniform"),
        ("space", "hp.loguniform"),
        ("space", "space_eval"),
        ("fmin", "fmin"),
        ("algo", "tpe.suggest"),
        ("Trials", "Trials"),
    }
    for finding in found:
        if finding["kind"] != "import":
            assert finding["name"].rpartition(".")[2] in lines[finding["line"] - 1]
    assert all(all(finding["handled"].values()) for finding in found)
    assert not any("skipped" in f["path"] for f in report["findings"])
    assert (report["files"], report["searches"]) == (3, 2)
    assert report["rewritten"] == {"optuna": 1, "ray": 1, "spark": 1}


def test_scan_says_what_a_person_must_do(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(project)]) == 1
    output = capsys.readouterr().out

    assert "where the space comes from is not in these files" in output
    assert "--backend optuna: Optuna has no annealing" in output
    assert "2 of 3 files use hyperopt" in output
    assert "migrate --to optuna:  1 of 2 searches are rewritten" in output
    assert "--to optuna, --to ray, --to spark: where the space comes from" in output


def test_scan_finds_nothing_with_exit_code_0(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", str(project / "other.py")]) == 0
    assert "not used in 1 file." in capsys.readouterr().out


def test_scan_lists_names_from_a_star_import(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "star.py").write_text("from hyperopt import *\nfmin(len, hp.uniform('x', 0, 1))\n")
    assert main(["scan", "--json", str(tmp_path)]) == 1
    report = json.loads(capsys.readouterr().out)

    assert {f["name"] for f in report["findings"]} >= {"fmin", "hp.uniform"}
    assert (report["searches"], report["rewritten"]["optuna"]) == (1, 1)


def test_sarif_has_a_rule_and_a_place_for_each_result(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", "--sarif", str(project)]) == 1
    log = json.loads(capsys.readouterr().out)
    (run,) = log["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}

    assert log["version"] == "2.1.0"
    assert run["results"]
    for result in run["results"]:
        assert result["ruleId"] in rules
        assert result["level"] in ("note", "warning")
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] >= 1
        assert region["startColumn"] >= 1


def test_migrate_prints_a_diff_and_changes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", str(project / "train.py"), "--to", "optuna"]) == 0
    output = capsys.readouterr().out

    assert "+study.optimize(objective, n_trials=20)\n" in output
    assert (project / "train.py").read_text() == PROGRAM


def test_check_says_which_files_would_change(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = str(project / "train.py")
    assert main(["migrate", train, "--to", "optuna", "--check"]) == 1
    assert capsys.readouterr().out == f"would change {train}\n"
    assert main(["migrate", train, "--to", "optuna", "--write"]) == 0
    assert main(["migrate", train, "--to", "optuna", "--check"]) == 0


def test_what_is_left_gives_exit_code_1_and_a_place(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", str(project / "untold.py"), "--to", "optuna", "--write"]) == 1
    captured = capsys.readouterr()

    assert f"{project / 'untold.py'}:2: HB207 to do: " in captured.err
    assert (project / "untold.py").read_text() == UNTOLD


def test_an_unknown_target_is_bad_usage(project: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["migrate", str(project / "train.py"), "--to", "magic"])
    assert caught.value.code == 2


def notebook(*cells: str, indent: int = 1) -> str:
    document: dict[str, Any] = {
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": ["# hyperopt\n", "ä"]},
            *(
                {
                    "cell_type": "code",
                    "execution_count": 3,
                    "metadata": {"tags": []},
                    "outputs": [],
                    "source": cell.splitlines(keepends=True),
                }
                for cell in cells
            ),
        ],
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=indent, ensure_ascii=False) + "\n"


CELLS = (
    "%pip install hyperopt\n!ls",
    "from hyperopt import fmin, hp, rand, space_eval",
    "space = {'x': hp.uniform('x', 0, 1)}",
    "%%time\nthis is not python",
    "def objective(p):\n    return p['x']",
    "files = !ls\nbest = fmin(objective, space, algo=rand.suggest, max_evals=3)\nbest?",
    "space_eval(space, best)",
)


def test_a_notebook_keeps_its_other_cells(tmp_path: Path) -> None:
    path = tmp_path / "tune.ipynb"
    path.write_text(notebook(*CELLS), encoding="utf-8")

    assert main(["migrate", str(path), "--to", "optuna", "--write"]) == 0
    document = json.loads(path.read_text(encoding="utf-8"))
    sources = ["".join(cell["source"]) for cell in document["cells"]]

    assert sources[1] == "%pip install optuna\n!ls"
    assert sources[2] == "import optuna"
    assert sources[3].startswith("def search_space(trial):\n    return {")
    assert sources[4] == CELLS[3]
    assert sources[5].startswith("def objective(trial):\n    p = search_space(trial)\n")
    assert sources[6].startswith("files = !ls\nstudy = optuna.create_study(")
    assert sources[6].endswith("\nbest = study.best_params\nbest?")
    assert sources[7] == "search_space(study.best_trial)"
    assert (
        path.read_text(encoding="utf-8")
        == json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    )


def test_an_installation_of_hyperopt_without_a_search_is_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in {
        "tune.py": "# Databricks notebook source\n# MAGIC %pip install -U hyperopt==0.2.7\n",
        "other.py": "# from hyperopt: pip installs it\nx = 'hyperopt'\n",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert main(["migrate", str(tmp_path / name), "--to", "optuna"]) == 0
        assert ("installs hyperopt" in capsys.readouterr().err) == name.startswith("tune")


def test_places_in_a_notebook_are_given_by_cell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tune.ipynb"
    path.write_text(notebook("from hyperopt import fmin, hp, rand", "x = 1\nfmin(len, unknown)"))
    main(["migrate", str(path), "--to", "optuna"])

    assert f"{path}:cell 3 line 2: HB207 to do: " in capsys.readouterr().err


@pytest.mark.parametrize("layout", [{"indent": 3}, {"separators": (",", ":")}, {"indent": "\t"}])
def test_a_notebook_keeps_its_layout(layout: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "tune.ipynb"
    document = json.loads(notebook(*CELLS))
    path.write_text(json.dumps(document, **layout), encoding="utf-8")

    assert main(["migrate", str(path), "--to", "optuna", "--write"]) == 0
    text = path.read_text(encoding="utf-8")
    new = json.loads(text)
    assert "".join(new["cells"][7]["source"]) == "search_space(study.best_trial)"
    start = text.index('"cell_type"')
    assert text[:start] == json.dumps(document, **layout)[:start]


def test_the_verbs_need_no_engine_and_no_hyperopt(project: Path) -> None:
    path = project / "train.py"
    path.write_text(
        PROGRAM.replace("np.log", "math.log").replace("import numpy", "import math\nimport numpy")
    )
    ranged = project / "ranged.py"
    ranged.write_text(before("choice_over_range"))
    done = subprocess.run(
        [sys.executable, Path(__file__).parent / "programs" / "verbs_alone.py", path, ranged],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "study.optimize" in path.read_text()


def test_a_file_without_the_word_is_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hyperbridge.migrate import scan

    parsed: list[Path] = []
    original = scan.Module

    def module(source: Any) -> Any:
        parsed.append(source.path)
        return original(source)

    monkeypatch.setattr(scan, "Module", module)
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "other.py").write_text("from scipy.optimize import fmin\n")

    assert main(["scan", str(tmp_path)]) == 1
    assert parsed == [tmp_path / "train.py"]


def test_what_belongs_to_a_search_that_stays_is_not_said_to_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.py").write_text(
        "from hyperopt import Trials, fmin, hp\n"
        "class Search:\n"
        "    def __init__(self):\n"
        "        self.trials = Trials()\n"
        "    def run(self):\n"
        "        fmin(len, hp.uniform('x', 0, 1), own, 5, trials=self.trials)\n"
    )

    assert main(["scan", "--json", str(tmp_path)]) == 1
    report = json.loads(capsys.readouterr().out)
    assert not any(finding["handled"]["--to optuna"] for finding in report["findings"])
    assert all(finding["handled"]["run"] for finding in report["findings"])
    assert (report["searches"], report["rewritten"]["optuna"]) == (1, 0)
    remarks = [r for f in report["findings"] for r in f["remarks"] if "--to optuna" in r["ways"]]
    assert [r["code"] for r in remarks] == ["HB202"]
    assert remarks[0]["text"].startswith("this algorithm is not hyperopt's TPE")


def test_sarif_names_the_cell_of_a_notebook_and_quotes_paths(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my notes.ipynb"
    path.write_text(notebook(*CELLS), encoding="utf-8")

    assert main(["scan", "--sarif", str(path)]) == 1
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    places = [r["locations"][0]["physicalLocation"] for r in run["results"]]
    assert {p["artifactLocation"]["uri"].rpartition("/")[2] for p in places} == {"my%20notes.ipynb"}
    assert any("(cell 3 line 1)" in r["message"]["text"] for r in run["results"])


def test_scan_says_so_when_nothing_could_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.py").write_text("import hyperopt\ndef (")
    main(["scan", str(tmp_path)])
    output = capsys.readouterr().out
    assert "not read: " in output
    assert output.endswith("No file could be read.\n")


def test_scan_speaks_of_one_in_the_singular(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.py").write_text("import hyperopt\n")
    main(["scan", str(tmp_path)])
    assert "1 of 1 file uses hyperopt: 1 import.\n" in capsys.readouterr().out
