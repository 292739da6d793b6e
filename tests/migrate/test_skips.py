"""``# hyperbridge: skip``: the search or the statement there stays, and so does what needs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from golden_cases import migrate

from hyperbridge.cli.main import main
from hyperbridge.migrate.file_plan import FilePlan

HEAD = """\
from hyperopt import STATUS_OK, fmin, hp, space_eval, tpe

space = {"x": hp.uniform("x", 0, 1)}


def objective(p):
    return {"loss": p["x"], "status": STATUS_OK}


"""
SEARCH = "best = fmin(objective, space, algo=tpe.suggest, max_evals=5)\n"
OTHER = 'other = fmin(lambda p: p, hp.uniform("z", 0, 1), algo=tpe.suggest, max_evals=5)\n'
SKIP = "  # hyperbridge: skip"


def skip(text: str, line: str) -> str:
    assert text.count(f"{line}\n") == 1
    return text.replace(f"{line}\n", f"{line}{SKIP}\n")


def states(text: str) -> list[str]:
    result = migrate(text)
    assert isinstance(result, FilePlan)
    for line in text.splitlines():
        if line.endswith(SKIP):
            assert line in result.new_text.splitlines()
    assert not any(note.needs_person for note in result.notes), result.notes
    compile(result.new_text, "new", "exec")
    return [search.state for search in result.searches]


def test_without_the_comment_both_searches_go() -> None:
    assert states(HEAD + SEARCH + OTHER) == ["rewritten", "rewritten"]


@pytest.mark.parametrize(
    "line",
    [
        SEARCH.strip(),
        'space = {"x": hp.uniform("x", 0, 1)}',
        '    return {"loss": p["x"], "status": STATUS_OK}',
        "def objective(p):",
    ],
)
def test_the_search_with_the_line_stays_and_the_other_goes(line: str) -> None:
    assert states(skip(HEAD + SEARCH + OTHER, line)) == ["skipped", "rewritten"]


def test_a_search_whose_result_is_looked_at_there_stays() -> None:
    text = skip(
        HEAD + SEARCH + "print(space_eval(space, best))\n", "print(space_eval(space, best))"
    )
    assert states(text) == ["skipped"]


def test_the_line_of_a_longer_statement_and_of_what_stands_around_it_count() -> None:
    long = "best = fmin(\n    objective,\n    space,\n    algo=tpe.suggest,\n    max_evals=5,\n)\n"
    assert states(skip(HEAD + long, "    max_evals=5,")) == ["skipped"]
    inside = "def tune():\n    " + SEARCH + "    return best\n"
    assert states(skip(HEAD + inside, "def tune():")) == ["skipped"]
    assert states(skip(HEAD + inside, "    return best")) == ["rewritten"]


def test_a_constant_of_hyperopts_keeps_its_import() -> None:
    use = "def failed(loss):\n    return {'loss': loss, 'status': STATUS_OK}\n\n\n"
    text = skip(HEAD + use + SEARCH, "    return {'loss': loss, 'status': STATUS_OK}")

    assert states(text) == ["rewritten"]
    assert migrate(text).new_text.startswith("import optuna\nfrom hyperopt import STATUS_OK\n")


def test_an_import_stays() -> None:
    first = HEAD.partition("\n")[0]
    assert states(skip(HEAD + SEARCH, first)) == ["rewritten"]


def test_a_text_that_says_so_is_no_comment() -> None:
    text = HEAD + SEARCH + f"print('{SKIP}')\n"
    assert states(text) == ["rewritten"]


def test_searches_that_share_a_space_are_told_apart_from_those_that_do_not() -> None:
    more = "more = fmin(objective, space, algo=tpe.suggest, max_evals=7)\n"
    result = migrate(skip(HEAD + SEARCH + more + OTHER, SEARCH.strip()))

    assert isinstance(result, FilePlan)
    assert [(s.state, s.codes) for s in result.searches] == [
        ("skipped", ("HB251",)),
        ("left", ("HB213",)),
        ("rewritten", ()),
    ]


def test_scan_leaves_the_lines_out_and_counts_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "import hyperopt  # hyperbridge: skip\nprint(hyperopt.__file__)  # hyperbridge: skip\n"
    (tmp_path / "train.py").write_text(text)

    assert main(["scan", str(tmp_path)]) == 0
    assert "2 lines are skipped." in capsys.readouterr().out
    (tmp_path / "train.py").write_text(text + "print(hyperopt.__name__)\n")
    assert main(["scan", "--json", str(tmp_path)]) == 1
    assert [f["line"] for f in json.loads(capsys.readouterr().out)["findings"]] == [3]


def test_the_table_says_what_is_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train.py").write_text(skip(HEAD + SEARCH, SEARCH.strip()))

    assert main(["migrate", str(tmp_path), "--to", "optuna"]) == 0
    assert "  skipped  why\n" in capsys.readouterr().err
