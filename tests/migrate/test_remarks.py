"""Every remark has a code of the table, and every page of the table tells the truth."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from golden_cases import CASES, before, migrate

from hyperbridge.cli.explain import guide
from hyperbridge.cli.main import main
from hyperbridge.migrate.planning import plan_sources
from hyperbridge.migrate.remarks import REMARKS
from hyperbridge.migrate.scan import Report, scan
from hyperbridge.migrate.sources import source_of

ROOT = Path(__file__).resolve().parents[2]
HEAD = """\
from functools import partial

import numpy as np
import optuna
from elsewhere import flag, load_space, more, my_suggest
from hyperopt import STATUS_OK, SparkTrials, Trials, anneal, fmin, hp, rand, space_eval, tpe

space = {"x": hp.uniform("x", 0, 1)}


def objective(p):
    return p["x"]


"""
UNSEEN = {"HB002", "HB227", "HB238", "HB240", "HB241", "HB242", "HB252", "HB299"}
"""Codes that no Python file shows: of cells, of options, of other files, of our faults."""


def codes_in(report: Report) -> set[str]:
    codes = {f.code for f in report.findings} | {a.code for f in report.findings for a in f.advice}
    codes |= {"HB001"} if report.unread else set()
    return codes | ({"HB251"} if report.skipped else set())


def test_the_codes_in_the_source_are_those_of_the_table() -> None:
    said = set()
    for path in (ROOT / "hyperbridge").rglob("*.py"):
        if path.stem != "remarks":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and re.fullmatch(r"HB\d{3}", str(node.value)):
                    said.add(node.value)

    assert said == set(REMARKS)
    assert list(REMARKS) == sorted(REMARKS)


def test_only_what_no_program_shows_is_without_an_example() -> None:
    assert {r.code for r in REMARKS.values() if not r.before} == UNSEEN


@pytest.mark.parametrize("code", [code for code in REMARKS if code not in UNSEEN])
def test_the_example_of_a_page_gets_its_code(code: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(f"{HEAD}{REMARKS[code].before}\n")
    assert code in codes_in(scan([tmp_path]))


@pytest.mark.parametrize(
    "code",
    [
        r.code
        for r in REMARKS.values()
        if r.exactness in ("exact", "changes results") and r.before and r.after
    ],
)
def test_what_a_page_shows_afterwards_is_what_is_written(code: str) -> None:
    text = f"{HEAD}{REMARKS[code].before}\n"
    (plan,) = plan_sources([source_of(Path("train.py"), text.encode())], "optuna")

    if code != "HB232":  # which needs a person
        assert re.sub(r"\s", "", REMARKS[code].after) in re.sub(r"[\s]", "", plan.new_text)
    (search,) = plan.searches
    assert search.state == "rewritten"
    assert bool(search.changes) == (REMARKS[code].exactness == "changes results")


@pytest.mark.parametrize("case", CASES)
def test_every_remark_on_a_golden_case_has_a_code(case: str) -> None:
    for target in ("optuna", "spark"):
        assert {note.code for note in migrate(before(case), to=target).notes} <= set(REMARKS)


def test_the_guide_is_the_table() -> None:
    assert (ROOT / "migration_guides" / "remarks.md").read_text(encoding="utf-8") == guide()


def test_explain_prints_the_pages_that_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "HB204", "hb21"]) == 0
    output = capsys.readouterr().out

    assert output.startswith("HB204: The objective takes expr, memo and ctrl\n\nThe code is left")
    assert "Before:\n\n    best = fmin(" in output
    assert [line[:5] for line in output.splitlines() if re.match(r"HB\d{3}: ", line)] == [
        "HB204",
        *(f"HB21{n}" for n in range(10)),
    ]


@pytest.mark.parametrize("arguments", [[], ["HB204", "--all"], ["HB9"], ["fmin"]])
def test_a_code_that_no_remark_has_is_bad_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["explain", *arguments])
    assert caught.value.code == 2
    assert "explain" in capsys.readouterr().err
