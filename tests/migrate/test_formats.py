"""Which remarks are shown, and in what form: --select, --ignore, --exact, --format."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from golden_cases import before

from hyperbridge.cli.main import main
from hyperbridge.migrate.formats import Message, as_github
from hyperbridge.migrate.remarks import REMARKS

CHANGED = """\
from hyperopt import fmin, hp, tpe

best = fmin(lambda p: p, hp.normal("x", 0, 1), algo=tpe.suggest, max_evals=5)
"""
LEFT = """\
from hyperopt import fmin, hp

best = fmin(len, unknown, algo=own, max_evals=5)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "a_exact.py").write_text(before("bare_lambda"))
    (tmp_path / "b_changed.py").write_text(CHANGED)
    (tmp_path / "c_left.py").write_text(LEFT)
    return tmp_path


def migrated(capsys: pytest.CaptureFixture[str], *options: str, code: int = 1) -> dict[str, Any]:
    assert main(["migrate", *options, "--to", "optuna", "--format", "json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def codes(found: dict[str, Any]) -> list[str]:
    return [remark["code"] for file in found["files"] for remark in file["remarks"]]


def test_each_search_is_marked_exact_or_not(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = migrated(capsys, str(project))

    searches = {Path(f["path"]).stem: f["searches"] for f in found["files"]}
    assert [(s["state"], s["exact"]) for s in searches["a_exact"]] == [("rewritten", True)]
    assert [(s["state"], s["exact"]) for s in searches["b_changed"]] == [("rewritten", False)]
    assert [(s["state"], s["codes"]) for s in searches["c_left"]] == [("left", ["HB202", "HB207"])]
    assert found["searches"] == {"all": 3, "rewritten": 2, "left": 1, "skipped": 0, "exact": 1}
    assert found["files"][0]["diff"].startswith("--- a/")


def test_exact_takes_exact_rewrites_alone(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = migrated(capsys, str(project), "--exact", "--write")

    assert found["searches"] == {"all": 3, "rewritten": 1, "left": 2, "skipped": 0, "exact": 1}
    assert (project / "b_changed.py").read_text() == CHANGED
    assert "hyperopt" not in (project / "a_exact.py").read_text()
    assert codes(found) == ["HB252", "HB202", "HB207"]


def test_a_search_that_shares_its_space_with_one_that_is_not_exact_stays_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        "from hyperopt import fmin, hp, anneal, tpe\nspace = hp.uniform('x', 0, 1)\n"
        "one = fmin(abs, space, algo=tpe.suggest, max_evals=5)\n"
        "two = fmin(abs, space, algo=anneal.suggest, max_evals=5)\n"
    )
    (tmp_path / "train.py").write_text(text)
    found = migrated(capsys, str(tmp_path), "--exact", "--write")

    assert codes(found) == ["HB213", "HB252"]
    assert (tmp_path / "train.py").read_text() == text


def test_remarks_that_are_not_wanted_are_not_shown_and_do_not_count(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(*options: str, code: int) -> list[str]:
        return codes(migrated(capsys, str(project), *options, code=code))

    assert shown(code=1) == ["HB223", "HB202", "HB207"]
    assert shown("--ignore", "HB20", code=0) == ["HB223"]
    assert shown("--select", "hb202, HB22", code=1) == ["HB223", "HB202"]
    assert shown("--ignore", "HB2", "--select", "HB207", code=1) == ["HB207"]
    assert shown("--select", "HB2", "--ignore", "HB202", "--ignore", "HB207", code=0) == ["HB223"]


def test_scan_shows_a_use_for_itself_or_for_its_remarks(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", str(project), "--format", "json", "--select", "HB103,HB223"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]

    assert [f["code"] for f in findings] == ["HB103", "HB103", "HB103"]
    assert {r["code"] for f in findings for r in f["remarks"]} == {"HB223"}
    assert main(["scan", str(project), "--ignore", "HB1", "--ignore", "HB2"]) == 0


@pytest.mark.parametrize("verb", [["scan"], ["migrate", "--to", "optuna"]])
def test_a_code_that_no_remark_has_is_bad_usage(
    verb: list[str], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--select", "--ignore"):
        with pytest.raises(SystemExit) as caught:
            main([*verb, str(project), option, "HB2,E501"])
        assert caught.value.code == 2
        assert "no remark has a code like 'E501'" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["scan"], ["migrate", "--to", "optuna"]])
def test_sarif_has_what_version_2_1_0_requires(
    verb: list[str], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "d_bad.py").write_text("import hyperopt\ndef (")
    assert main([*verb, str(project), "--format", "sarif"]) == 1
    log = json.loads(capsys.readouterr().out)

    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "hyperbridge"
    assert [rule["id"] for rule in driver["rules"]] == sorted({r["ruleId"] for r in run["results"]})
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"] == REMARKS[rule["id"]].title
        assert rule["fullDescription"]["text"]
    for result in run["results"]:
        assert result["message"]["text"]
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("note", "warning", "error")
        (place,) = result["locations"]
        assert re.fullmatch(r"[\w%./-]+", place["physicalLocation"]["artifactLocation"]["uri"])
        region = place["physicalLocation"].get("region", {"startLine": 1, "startColumn": 1})
        assert region["startLine"] >= 1
        assert region["startColumn"] >= 1
    (unread,) = (r for r in run["results"] if r["ruleId"] == "HB001")
    assert unread["level"] == "error"
    assert run["invocations"] == [{"executionSuccessful": False}]


@pytest.mark.parametrize("verb", [["scan"], ["migrate", "--to", "optuna"]])
def test_github_gets_a_command_for_each_remark(
    verb: list[str], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*verb, str(project), "--format", "github"]) == 1
    lines = capsys.readouterr().out.splitlines()

    pattern = r"::(notice|warning|error) file=[^,]+,line=\d+,col=\d+,title=HB\d{3} [^,:]+::.+"
    assert all(re.fullmatch(pattern, line) for line in lines), lines
    assert any(f"file={project}/c_left.py,line=3,col=" in line for line in lines)


def test_a_workflow_command_cannot_be_ended_by_a_text() -> None:
    message = Message(Path("a,b:c%.py"), "HB204", "warning", "100%\r\n::error::no", 3)
    title = REMARKS["HB204"].title.replace(",", "%2C")

    assert as_github([message]) == (
        f"::warning file=a%2Cb%3Ac%25.py,line=3,col=1,title=HB204 {title}"
        "::100%25%0D%0A::error::no\n"
    )


def test_nothing_but_the_form_goes_to_stdout(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in ("json", "sarif"):
        main(["migrate", str(project), "--to", "optuna", "--check", "--format", form])
        json.loads(capsys.readouterr().out)


def test_the_table_has_a_line_for_each_file_and_their_sum(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "space.py").write_text(
        "from hyperopt import hp\n\nSPACE = {'x': hp.uniform('x', 0, 1)}\n"
    )
    (project / "tune.py").write_text(
        "from hyperopt import fmin, tpe\nfrom space import SPACE\n\n"
        "fmin(len, SPACE, algo=tpe.suggest, max_evals=5)\n"
    )
    assert main(["migrate", str(project), "--to", "optuna", "--write"]) == 1
    error = capsys.readouterr().err
    table = error[error.index("file ") :].splitlines()
    rows = {line.split()[0].rpartition("/")[2]: line.split()[1:] for line in table}

    assert rows["file"] == ["searches", "exact", "changes", "results", "left", "skipped", "why"]
    assert rows["a_exact.py"] == ["1", "1", "-", "-", "-"]
    assert rows["b_changed.py"] == ["1", "-", "1", "-", "-", "line", "3:", "HB223"]
    assert rows["c_left.py"] == ["1", "-", "-", "1", "-", "line", "3:", "HB202,", "HB207"]
    assert rows["space.py"] == ["-", "-", "-", "-", "-", "rewritten", "with", "the", "program"]
    assert rows["all"] == ["4", "2", "1", "1", "-"]
    assert main(["migrate", str(project / "a_exact.py"), "--to", "optuna"]) == 0
    assert capsys.readouterr().err == "nothing to migrate in 1 file\n"
