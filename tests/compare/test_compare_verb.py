"""``hyperbridge compare`` runs programs, and reports what really is otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from comparisons import cell

from hyperbridge.cli.main import main

pytest.importorskip("optuna")

Compared = Callable[..., tuple[int, dict[str, Any]]]
EXAMPLES = Path(__file__).parent.parent.parent / "examples"
GOLDEN = Path(__file__).parent.parent / "migrate" / "golden"


def test_a_backend_that_is_worse_is_reported_and_one_that_looks_so_by_chance_is_not(
    compared: Compared, programs: Path
) -> None:
    program = programs / "two_searches.py"
    options = ("--backends", "optuna,local", "--no-tracking", "--fail-on", "worse")
    code, report = compared(program, *options, "--html", "page.html")
    assert code == 1
    assert 'badge bad">worse' in Path("page.html").read_text()
    worse = cell(report, "best", "local", search=1)
    assert worse["verdict"] == "worse", worse
    assert worse["p_worse"] <= report["alpha"]["loss"]
    assert (
        cell(report, "search", "local", search=1)["verdict"] == "same"
    )  # its losses alone show it

    chance = cell(report, "best", "local", search=2)
    before = cell(report, "best", "optuna", search=2)
    assert chance["values"][0] > 100 * before["values"][0]  # one lucky run
    assert chance["verdict"] == "same", chance
    assert "would be found 4 times in 5" in chance["why"]
    assert all(len(set(each["values"])) == 5 for each in (chance, before))  # seeds vary


def test_what_the_programs_ask_of_mlflow_their_folder_and_their_arguments(
    compared: Compared, programs: Path, tmp_path: Path
) -> None:
    (tmp_path / "data.txt").write_text("1.5")
    command = (programs / "fails_on_optuna.py", "--backends", "local,optuna", "--max-evals", "6")
    code, report = compared(*command, "--repeats", "1", "--", "go")
    assert code == 0
    assert sorted(os.listdir(tmp_path)) == ["data.txt"]  # the user's store is not touched
    file, uri = report["columns"][0]["remarks"]
    assert file.startswith("'trials.pkl' is neither read nor written")
    assert uri.startswith("mlflow.set_tracking_uri('sqlite:///the_users.db') is not followed")
    for name in ("local", "optuna"):
        assert cell(report, "trials", name)["text"] == "6"
        assert cell(report, "mlflow", name)["text"].startswith("6 children: ")
        assert cell(report, "tracking", name)["values"][0] > 0
        assert 0 < cell(report, "objective", name)["values"][0] < 0.1
    for row in ("search", "trials", "argmin", "documents", "mlflow"):
        assert cell(report, row, "optuna")["verdict"] == "same", cell(report, row, "optuna")
    assert cell(report, "best", "optuna")["why"] == "1 repeat cannot show it: it takes at least 5"

    code, report = compared(*command, "--repeats", "2", "--", "fail")
    assert code == 1
    assert report["columns"][1]["failure"] == "RuntimeError: not here"
    assert report["columns"][1]["repeats"] == 1  # what fails at first is not run again
    assert cell(report, "best", "local")["values"]
    assert cell(report, "best", "optuna")["verdict"] is None


@pytest.mark.parametrize(
    ("case", "accepted", "expected"),
    [
        ("dict_space", (), 1),  # the sampler is another one
        ("mlflow_nested_locally", ("--accept", "new:search", "--accept", "mlflow"), 0),
    ],
)
def test_a_program_before_and_after_migrate(
    compared: Compared, case: str, accepted: tuple[str, ...], expected: int
) -> None:
    folder = GOLDEN / case
    code, report = compared(
        folder / "before.py", folder / "optuna.py", "--max-evals", "4", "--repeats", "2",
        "--fail-on", "different", *accepted,
    )  # fmt: skip
    assert code == expected, report["summary"]
    for name in ("old", "new"):
        assert cell(report, "trials", name)["text"] == "4"
        assert len(set(cell(report, "best", name)["values"])) == 2  # the seeds vary in both
        assert cell(report, "objective", name)["values"]
    assert cell(report, "search", "new")["verdict"] == "different"
    assert "TPESampler" in cell(report, "search", "new")["why"]
    assert cell(report, "argmin", "new")["verdict"] == "same"
    assert cell(report, "documents", "new")["verdict"] == "not known"


@pytest.mark.slow
@pytest.mark.parametrize("example", ["iris_spark_trials.py", "model_families.py"])
def test_an_example_on_four_backends(compared: Compared, example: str) -> None:
    for name in ("pyspark", "ray", "sklearn"):
        pytest.importorskip(name)
    code, report = compared(
        EXAMPLES / example, "--backends", "local,spark,ray,optuna", "--max-evals", "4",
        "--repeats", "1", "--parallelism", "1",
    )  # fmt: skip
    assert code == 0, [column["failure"] for column in report["columns"]]
    assert len(report["searches"]) == (2 if example.startswith("iris") else 1)
    for number, search in enumerate(report["searches"], start=1):
        for name in ("local", "spark", "ray", "optuna"):
            assert cell(report, "trials", name, number)["text"] == "4"
            assert cell(report, "mlflow", name, number)["text"].startswith("4 children")
            for row in ("objective", "propose", "tracking", "time", "start"):
                assert cell(report, row, name, number)["values"][0] > 0, (name, row)
        for row in search["rows"]:
            if row["row"] in ("search", "trials", "argmin", "documents", "mlflow"):
                assert {each["verdict"] for each in row["columns"][1:]} == {"same"}, row
    if example == "model_families.py":  # with a seed, one after the other is hyperopt's sequence
        for name in ("spark", "ray"):
            assert cell(report, "best", name)["why"] == "the same losses, trial by trial"
        assert cell(report, "best", "optuna")["verdict"] in ("not known", "same")


@pytest.mark.long
def test_a_native_program_of_ray_tune(compared: Compared, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    folder = GOLDEN / "dict_space"
    code, report = compared(
        folder / "before.py", folder / "ray.py", "--max-evals", "3", "--repeats", "2"
    )
    assert code == 0
    assert "OptunaSearch" in cell(report, "search", "new")["why"]
    assert cell(report, "trials", "new")["text"] == "3"
    assert len(set(cell(report, "best", "new")["values"])) == 2
    assert cell(report, "objective", "new")["values"]
    assert cell(report, "argmin", "new")["verdict"] == "same"


def test_a_program_that_takes_too_long_is_stopped_and_its_trials_are_shown(
    compared: Compared, tmp_path: Path
) -> None:
    program = tmp_path / "slow.py"
    program.write_text(
        "import os, time\n"
        "from hyperopt import Trials, fmin, hp, rand\n"
        "fmin(abs, hp.uniform('x', -1, 1), rand.suggest, 2, trials=Trials())\n"
        "time.sleep(600 * (os.environ['HYPERBRIDGE_BACKEND'] == 'optuna'))\n"
    )
    command = (program, "--backends", "local,optuna", "--repeats", "1", "--no-tracking")
    code, report = compared(*command, "--timeout", "15")
    assert code == 1
    failures = [column["failure"] for column in report["columns"]]
    assert failures == [None, "repeat 1: it did not end in 15 s"]
    assert cell(report, "trials", "optuna")["text"] == "2"


def test_a_backend_that_the_program_says_itself_cannot_be_exchanged(
    compared: Compared, tmp_path: Path
) -> None:
    program = tmp_path / "train.py"
    program.write_text(
        "from hyperbridge import fmin, hp, rand\n"
        "fmin(abs, hp.uniform('x', -1, 1), rand.suggest, 2, backend='local')\n"
    )
    command = (program, "--backends", "local,optuna", "--repeats", "1", "--no-tracking")
    code, report = compared(*command)
    assert code == 1
    assert [each["failure"] for each in report["columns"]] == [
        None, "the program itself says backend='local', which outranks --backends",
    ]  # fmt: skip


def test_mistakes_in_the_command_line(
    tmp_path: Path, programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = str(programs / "two_searches.py")
    for arguments, said in (
        ([program], "give --backends with two or more"),
        ([program, "--backends", "local"], "give --backends with two or more"),
        ([program, "--backends", "local,local"], "give --backends with two or more"),
        ([program, "--backends", "local,nothing"], "Unknown backend 'nothing'"),
        ([program, program, "--backends", "local,ray"], "--backends is for one program"),
        ([program, program, program], "or two programs"),
        (["missing.py", "--backends", "local,ray"], "there is no file 'missing.py'"),
        ([program, "--backends", "local,ray", "--repeats", "0"], "--repeats must be above 0"),
        ([program, "--backends", "local,ray", "--max-evals", "-1"], "--max-evals must be above 0"),
        ([program, "--backends", "local,ray", "--fail-on", "same"], "invalid choice"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(["compare", *arguments])
        assert said in capsys.readouterr().err


def test_a_backend_that_is_not_installed_says_so_in_its_column(
    compared: Compared, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hyperbridge import backends
    from hyperbridge.optional import Package

    (tmp_path / "data.txt").write_text("1.5")
    missing = Package("no_such_ray", "Ray", install="hyperbridge[ray]", oldest="2.0")
    monkeypatch.setattr(backends.find("ray"), "package", missing)
    code, report = compared(
        programs / "fails_on_optuna.py", "--backends", "local,ray", "--max-evals", "2",
        "--repeats", "1", "--no-tracking",
    )  # fmt: skip
    assert code == 1
    assert "hyperbridge[ray]" in report["columns"][1]["failure"]
    assert report["columns"][0]["failure"] is None
    assert cell(report, "trials", "local")["text"] == "2"
