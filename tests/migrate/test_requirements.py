"""The engine in hyperopt's place in requirements, and where notebooks install it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hyperbridge.cli.main import main
from hyperbridge.migrate.requirements import ENGINES, Rewriter, is_requirements

# name, before, with the engine in its place, with the engine beside it
CASES: dict[str, tuple[str, str, str, str]] = {
    "a version, a marker and a comment": (
        "requirements.txt",
        "numpy\nhyperopt==0.2.7 ; python_version < '3.12'  # tuning\nscipy",
        "numpy\noptuna>=4.0 ; python_version < '3.12'  # tuning\nscipy",
        "numpy\nhyperopt==0.2.7 ; python_version < '3.12'  # tuning\n"
        "optuna>=4.0 ; python_version < '3.12'\nscipy",
    ),
    "no version, another case, other packages of a like name": (
        "requirements-dev.txt",
        "hyperopt-sklearn\r\nHyperOpt\r\n# hyperopt is for tuning\r\n",
        "hyperopt-sklearn\r\noptuna\r\n# hyperopt is for tuning\r\n",
        "hyperopt-sklearn\r\nHyperOpt\r\noptuna\r\n# hyperopt is for tuning\r\n",
    ),
    "the engine is there": (
        "requirements.txt",
        "Optuna==4.1\nhyperopt>=0.2,<0.3\nmlflow",
        "Optuna==4.1\nmlflow",
        "Optuna==4.1\nhyperopt>=0.2,<0.3\nmlflow",
    ),
    "an address": (
        "requirements.in",
        "hyperopt @ git+https://github.com/hyperopt/hyperopt@1.0\n",
        "optuna>=4.0\n",
        "hyperopt @ git+https://github.com/hyperopt/hyperopt@1.0\noptuna>=4.0\n",
    ),
    "the last line has no end": (
        "requirements.txt",
        "numpy\nhyperopt",
        "numpy\noptuna",
        "numpy\nhyperopt\noptuna",
    ),
    "both of ours": ("requirements.txt", "hyperopt\nhyperbridge>=0.1\n", "optuna\n", ""),
    "a project": (
        "pyproject.toml",
        '[project]\nkeywords = ["hyperopt"]\ndependencies = [\n    "numpy",\n'
        '    "hyperopt>=0.2.7", # tuning\n    "scipy",\n]\n\n[project.optional-dependencies]\n'
        'tune = [\'hyperopt\', "tqdm"]\n\n[[tool.mypy.overrides]]\nmodule = ["hyperopt"]\n',
        '[project]\nkeywords = ["hyperopt"]\ndependencies = [\n    "numpy",\n'
        '    "optuna>=4.0", # tuning\n    "scipy",\n]\n\n[project.optional-dependencies]\n'
        'tune = [\'optuna\', "tqdm"]\n\n[[tool.mypy.overrides]]\nmodule = ["hyperopt"]\n',
        '[project]\nkeywords = ["hyperopt"]\ndependencies = [\n    "numpy",\n'
        '    "hyperopt>=0.2.7",\n    "optuna>=4.0", # tuning\n    "scipy",\n]\n\n'
        "[project.optional-dependencies]\ntune = ['hyperopt', 'optuna', \"tqdm\"]\n\n"
        '[[tool.mypy.overrides]]\nmodule = ["hyperopt"]\n',
    ),
    "a project with the engine, and dependency groups": (
        "pyproject.toml",
        '[project]\ndependencies = ["optuna", "hyperopt"]\n\n[dependency-groups]\n'
        'dev = [\n    "hyperopt; python_version < \'3.12\'",\n    {include-group = "x"},\n]\n',
        '[project]\ndependencies = ["optuna"]\n\n[dependency-groups]\n'
        'dev = [\n    "optuna; python_version < \'3.12\'",\n    {include-group = "x"},\n]\n',
        "",
    ),
    "poetry": (
        "pyproject.toml",
        '[tool.poetry.dependencies]\npython = "^3.10"\nhyperopt = "^0.2"\nnumpy = "*"\n\n[x]\n',
        '[tool.poetry.dependencies]\npython = "^3.10"\noptuna = ">=4.0"\nnumpy = "*"\n\n[x]\n',
        '[tool.poetry.dependencies]\npython = "^3.10"\nhyperopt = "^0.2"\noptuna = ">=4.0"\n'
        'numpy = "*"\n\n[x]\n',
    ),
    "setup.cfg": (
        "setup.cfg",
        "[metadata]\nname = hyperopt-users\n[options]\ninstall_requires =\n    numpy\n"
        "    hyperopt==0.2.5\n[options.extras_require]\ntune =\n    hyperopt\n",
        "[metadata]\nname = hyperopt-users\n[options]\ninstall_requires =\n    numpy\n"
        "    optuna>=4.0\n[options.extras_require]\ntune =\n    optuna\n",
        "",
    ),
    "setup.py": (
        "setup.py",
        "from setuptools import setup\n\nNEEDS = ['numpy', 'hyperopt>=0.2']\n"
        "setup(name='hyperopt', install_requires=NEEDS, extras_require={'é': [\"hyperopt\"]})\n",
        "from setuptools import setup\n\nNEEDS = ['numpy', 'optuna>=4.0']\n"
        "setup(name='hyperopt', install_requires=NEEDS, extras_require={'é': [\"optuna\"]})\n",
        "",
    ),
    "conda": (
        "environment.yml",
        "name: tune\ndependencies:\n  - conda-forge::hyperopt=0.2.7=py_0  # old\n  - pip\n"
        "  - pip:\n    - mlflow\n    - 'hyperopt==0.2.7'\n",
        "name: tune\ndependencies:\n  - optuna>=4.0  # old\n  - pip\n  - pip:\n    - mlflow\n",
        "",
    ),
    "conda, pip alone": (
        "conda.yaml",
        "dependencies:\n- python=3.10\n- pip:\n  - hyperopt\n  - mlflow\n",
        "dependencies:\n- python=3.10\n- pip:\n  - optuna\n  - mlflow\n",
        "dependencies:\n- python=3.10\n- pip:\n  - hyperopt\n  - optuna\n  - mlflow\n",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_engine_takes_its_place(case: str) -> None:
    name, before, after, _ = CASES[case]
    rewriter = Rewriter(ENGINES["optuna"], keeps=False)

    assert rewriter.new_text(Path(name), before) == after
    assert Rewriter(ENGINES["optuna"], keeps=False).new_text(Path(name), after) == after
    assert rewriter.left == []


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case][3]])
def test_the_engine_comes_beside_it_once(case: str) -> None:
    name, before, _, after = CASES[case]
    for text in (before, after):
        assert Rewriter(ENGINES["optuna"], keeps=True).new_text(Path(name), text) == after


def test_ray_has_extras_and_its_own_name_in_conda() -> None:
    def new(name: str, text: str) -> str:
        return Rewriter(ENGINES["ray"], keeps=False).new_text(Path(name), text)

    assert new("requirements.txt", "hyperopt==0.2.7\n") == "ray[tune]>=2.52\n"
    assert new("conda.yml", "dependencies:\n - hyperopt=0.2\n") == (
        "dependencies:\n - ray-tune>=2.52\n"
    )
    assert new("pyproject.toml", '[tool.poetry.dependencies]\nhyperopt = "*"\n') == (
        '[tool.poetry.dependencies]\nray = {version = ">=2.52", extras = ["tune"]}\n'
    )


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("requirements.txt", "hyperopt==0.2.7 \\\n    --hash=sha256:12\n", 1),
        ("requirements.txt", "# This file is autogenerated by pip-compile\nhyperopt==0.2.7\n", 2),
        ("requirements.txt", "numpy\n-e git+https://github.com/hyperopt/hyperopt.git\n", 2),
        (
            "setup.py",
            "from setuptools import setup\nsetup(install_requires=f() + ['hyperopt'])\n",
            2,
        ),
    ],
)
def test_what_is_not_plain_is_left_and_named(name: str, text: str, line: int) -> None:
    rewriter = Rewriter(ENGINES["optuna"], keeps=False)
    if name == "setup.py":
        text = text.replace("f() + ['hyperopt']", "f('hyperopt')")

    assert rewriter.new_text(Path(name), text) == text
    (note,) = rewriter.notes()
    assert (note.line, note.code, note.needs_person) == (line, "HB227", False)


@pytest.mark.parametrize(
    ("rest", "new", "beside"),
    [
        (" hyperopt", " optuna", " hyperopt optuna"),
        (" -U hyperopt==0.2.7 mlflow", " -U 'optuna>=4.0' mlflow", None),
        (' -q "hyperopt>=0.2"', ' -q "optuna>=4.0"', None),
        (" optuna hyperopt -q", " optuna -q", " optuna hyperopt -q"),
        (" -r requirements.txt", None, None),
        (" hyperopt-sklearn", None, None),
    ],
)
def test_the_arguments_of_pip(rest: str, new: str | None, beside: str | None) -> None:
    assert Rewriter(ENGINES["optuna"], keeps=False).command(rest) == new
    if beside is not None:
        assert Rewriter(ENGINES["optuna"], keeps=True).command(rest) == beside


def test_the_names_of_files() -> None:
    names = ("requirements.txt", "requirements/base.in", "dev-requirements.txt", "setup.cfg")
    assert all(is_requirements(Path(name)) for name in names)
    others = ("notes.txt", "train.py", "poetry.lock", "config.yml")
    assert not any(is_requirements(Path(name)) for name in others)


GOES = """\
from hyperopt import fmin, hp, tpe

best = fmin(lambda x: x, hp.uniform("x", 0, 1), algo=tpe.suggest, max_evals=5)
"""
STAYS = "from hyperopt import fmin, hp\n\nbest = fmin(len, unknown, algo=own, max_evals=5)\n"


def migrate(*arguments: Path | str) -> int:
    return main(["migrate", *map(str, arguments), "--to", "optuna", "--write"])


def test_a_folder_of_rewritten_programs_needs_hyperopt_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(GOES)
    (tmp_path / "requirements.txt").write_text("hyperopt==0.2.7\n")
    (tmp_path / "setup.py").write_text("setup(install_requires=['hyperopt'])\n")

    assert main(["migrate", str(tmp_path), "--to", "optuna"]) == 0
    output = capsys.readouterr()
    assert "-hyperopt==0.2.7\n+optuna>=4.0\n" in output.out
    assert "requirements.txt" in output.err
    assert migrate(tmp_path) == 0
    assert (tmp_path / "requirements.txt").read_text() == "optuna>=4.0\n"
    assert (tmp_path / "setup.py").read_text() == "setup(install_requires=['optuna'])\n"
    assert main(["migrate", str(tmp_path), "--to", "optuna", "--check"]) == 0


def test_hyperopt_stays_where_a_search_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "train.py").write_text(GOES)
        (tmp_path / folder / "requirements.txt").write_text("hyperopt\n")
    (tmp_path / "two" / "other.py").write_text(STAYS)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "base.txt").write_text("hyperopt\n")

    assert migrate(tmp_path) == 1
    assert (tmp_path / "one" / "requirements.txt").read_text() == "optuna\n"
    assert (tmp_path / "two" / "requirements.txt").read_text() == "hyperopt\noptuna\n"
    assert (tmp_path / "requirements" / "base.txt").read_text() == "hyperopt\noptuna\n"
    assert "beside hyperopt" in capsys.readouterr().err


def test_nothing_changes_without_a_rewritten_search_or_when_it_is_not_wanted(
    tmp_path: Path,
) -> None:
    (tmp_path / "train.py").write_text(STAYS)
    (tmp_path / "requirements.txt").write_text("hyperopt\n")
    assert migrate(tmp_path) == 1
    assert (tmp_path / "requirements.txt").read_text() == "hyperopt\n"
    (tmp_path / "train.py").write_text(GOES)
    assert migrate(tmp_path, "--no-requirements") == 0
    assert (tmp_path / "requirements.txt").read_text() == "hyperopt\n"


def test_a_file_that_cannot_be_read_may_need_hyperopt(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(GOES)
    (tmp_path / "bad.py").write_text("import hyperopt\nprint 'x'\n")
    (tmp_path / "requirements.txt").write_text("hyperopt\n")
    assert migrate(tmp_path) == 1
    assert (tmp_path / "requirements.txt").read_text() == "hyperopt\noptuna\n"


def test_a_list_of_requirements_is_a_path_like_others(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(GOES)
    (tmp_path / "requirements.txt").write_text("hyperopt\n")
    assert migrate(tmp_path / "train.py") == 0
    assert (tmp_path / "requirements.txt").read_text() == "hyperopt\n"
    (tmp_path / "train.py").write_text(GOES)
    assert migrate(tmp_path / "train.py", tmp_path / "requirements.txt") == 0
    assert (tmp_path / "requirements.txt").read_text() == "optuna\n"


def cells(*sources: str) -> str:
    document: dict[str, Any] = {
        "cells": [
            {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}
            for source in sources
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1)


def test_a_notebook_installs_the_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tune.ipynb"
    installs = "%pip install -q hyperopt mlflow\n!python -m pip install 'hyperopt>=0.2'"
    path.write_text(cells(installs, GOES))
    databricks = tmp_path / "tune.py"
    head = "# Databricks notebook source\n# MAGIC %pip install hyperopt==0.2.7\n\n# COMMAND ----\n"
    databricks.write_text(head + GOES)

    assert migrate(path, databricks) == 0
    new = json.loads(path.read_text())["cells"][0]["source"]
    assert new == "%pip install -q optuna mlflow\n!python -m pip install 'optuna>=4.0'"
    assert "# MAGIC %pip install 'optuna>=4.0'\n" in databricks.read_text()
    assert "HB227" not in capsys.readouterr().err


def test_a_notebook_whose_search_stays_installs_hyperopt(tmp_path: Path) -> None:
    path = tmp_path / "tune.ipynb"
    path.write_text(cells("%pip install hyperopt", STAYS, GOES.partition("\n\n")[2]))
    migrate(path)
    assert json.loads(path.read_text())["cells"][0]["source"] == "%pip install hyperopt"


def test_no_requirements_leaves_the_notebooks_line_with_a_remark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tune.ipynb"
    path.write_text(cells("%pip install hyperopt", GOES))
    assert migrate(path, "--no-requirements") == 0
    assert json.loads(path.read_text())["cells"][0]["source"] == "%pip install hyperopt"
    assert "HB227 note: installs hyperopt" in capsys.readouterr().err
