"""Cells that a notebook runs, or passes over, though they are no Python as they stand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from golden_cases import migrate, notes_of

from hyperbridge.migrate.file_plan import FilePlan
from hyperbridge.migrate.sources import UnreadableFileError, with_cells

SEARCH = (
    "from hyperopt import fmin, hp, rand\n"
    "best = fmin(abs, hp.uniform('x', -1, 1), algo=rand.suggest, max_evals=5)"
)
DATABRICKS = {"application/vnd.databricks.v1+notebook": {"language": "python"}}


def plan(*cells: str, metadata: dict[str, Any] | None = None) -> FilePlan:
    code = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    document = {"cells": code, "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}
    return migrate(json.dumps(document), name="tune.ipynb")


def cells_of(result: FilePlan) -> list[str]:
    document = json.loads(with_cells(result.source, result.texts))
    return ["".join(cell["source"]) for cell in document["cells"]]


@pytest.mark.parametrize("space", ["  ", "\t", "\n    "])
def test_a_cell_with_white_space_before_all_of_it_is_rewritten(space: str) -> None:
    first, second = (space + line for line in SEARCH.splitlines())
    indent = space.lstrip("\n")
    result = plan(f"{first}\n{indent}{second.strip()}", f"{indent}print(best)")

    search, shown = cells_of(result)
    assert search.lstrip("\n").startswith("import optuna\n")
    assert "\nbest = study.best_params" in search
    assert shown == f"{indent}print(best)"  # what has nothing of hyperopt keeps all
    assert [s.state for s in result.searches] == ["rewritten"]
    assert result.notes == ()


@pytest.mark.parametrize("broken", ["x = = 1", "def f(:\n  pass", "importimport math"])
def test_a_cell_that_is_no_python_does_not_keep_the_others(broken: str) -> None:
    result = plan("import math\nn = 3", broken, SEARCH, "print(best)")

    assert cells_of(result)[:2] == ["import math\nn = 3", broken]
    assert "hyperopt" not in "".join(result.texts)
    assert [s.state for s in result.searches] == ["rewritten"]
    (note,) = result.notes
    assert (note.code, note.needs_person, result.source.place(note.line)) == (
        *("HB002", True),
        "cell 2 line 1",
    )


@pytest.mark.parametrize(
    "broken", ["from hyperopt import (", "# hyperopt\nx = = 1", "print 'best', best"]
)
def test_a_cell_without_which_the_notebook_is_not_understood_keeps_it(broken: str) -> None:
    with pytest.raises(UnreadableFileError, match="cell 1 line"):
        plan(broken, SEARCH)


def test_a_shell_cell_of_databricks_is_no_python() -> None:
    shell = "%sh\nmkdir -p /tmp/data\nwget -O data.csv https://example.com/007"
    result = plan(shell, SEARCH, metadata=DATABRICKS)

    assert cells_of(result)[0] == shell
    assert [s.state for s in result.searches] == ["rewritten"]
    assert result.notes == ()


@pytest.mark.parametrize("name", ["Python", "python", "ipython"])
def test_the_name_of_the_language_may_be_written_in_any_way(name: str) -> None:
    result = plan(SEARCH, metadata={"kernelspec": {"language": name}})
    assert [s.state for s in result.searches] == ["rewritten"]


def test_pip_needs_no_percent_sign_in_a_notebook() -> None:
    result = plan("pip install hyperopt", SEARCH)

    assert [s.state for s in result.searches] == ["rewritten"]
    assert "HB002" not in notes_of(result)
