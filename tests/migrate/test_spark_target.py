"""``migrate --to spark``: a study on the driver, each trial a Spark job of one task."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from golden_cases import CASES, FOLDER, ON_SPARK, before, migrate, notes_of
from test_golden import complaints

from hyperbridge.migrate.spark_helpers import WORDS, helper_imports, helper_texts

PROGRAM = """\
from hyperopt import STATUS_OK, SparkTrials, fmin, hp, tpe

def objective(params):
    return {"loss": params["x"] ** 2, "status": STATUS_OK, "more": 1}

trials = SparkTrials(parallelism=2, timeout=300)
best = fmin(objective, {"x": hp.uniform("x", -1, 1)}, tpe.suggest, max_evals=4, trials=trials)
"""
PLAIN = PROGRAM.replace("SparkTrials(parallelism=2, timeout=300)", "Trials()").replace(
    "SparkTrials", "Trials"
)
LOST = {"history_on_self", "optional_parameter"}
"""Cases whose objectives change what the program reads afterwards."""


def call_of(text: str) -> str:
    """Return the call of the function that is written, without line breaks."""
    new = migrate(text, to="spark").new_text
    (call,) = [
        node
        for node in ast.walk(ast.parse(new))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "optimize_on_spark"
    ]
    return ast.unparse(call).removeprefix("optimize_on_spark")


@pytest.mark.parametrize("case", ON_SPARK)
def test_the_result_is_the_expected_one(case: str) -> None:
    result = migrate(before(case), to="spark")

    assert result.new_text == (FOLDER / case / "spark.py").read_text(encoding="utf-8")
    assert notes_of(result) == (FOLDER / case / "spark.notes.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_every_case_goes_or_says_what_would_be_lost(case: str, tmp_path: Path) -> None:
    result = migrate(before(case), to="spark")
    new = result.new_text

    if case in LOST:
        assert new == before(case)
        assert "on an executor the change is lost" in notes_of(result)
        return
    assert "optimize_on_spark(" in new
    assert not re.search(r"^\s*(from|import) hyper(opt|bridge)", new, re.MULTILINE)
    assert not migrate(new, to="spark").is_changed
    if not new.startswith("# Databricks"):
        path = tmp_path / "new.py"
        path.write_text(new, encoding="utf-8")
        assert complaints(path) - complaints(FOLDER / case / "before.py") == {}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", "n_trials=4, parallelism=2, timeout=300)"),
        ("parallelism=2, ", "", "n_trials=4, timeout=300)"),
        ("parallelism=2, timeout=300", "N", "n_trials=4, parallelism=N)"),
        (", timeout=300", ", spark_session=session", "parallelism=2, spark=session)"),
        ("max_evals=4, ", "", "search_space, parallelism=2, timeout=300)"),
        ("max_evals=4", "max_evals=4, loss_threshold=0.1", "stops=[StopAtLoss(0.1)])"),
    ],
)
def test_the_arguments_of_fmin_and_spark_trials_are_kept(old: str, new: str, expected: str) -> None:
    assert call_of(PROGRAM.replace(old, new)).endswith(expected)


@pytest.mark.parametrize("value", ["None", "0", "-1"])
def test_a_parallelism_that_means_none_is_left_to_spark(value: str) -> None:
    text = PROGRAM.replace("parallelism=2", f"parallelism={value}")

    assert call_of(text).endswith("n_trials=4, timeout=300)")
    assert "parallelism = parallelism or task_slots(spark)" in migrate(text, to="spark").new_text


def test_trials_of_this_process_stay_one_at_a_time_and_raise() -> None:
    result = migrate(PLAIN, to="spark")

    assert call_of(PLAIN).endswith("n_trials=4, parallelism=1)")
    assert "tell_result" not in result.new_text
    assert "one trial at a time, as before" in notes_of(result)


def test_each_search_of_a_file_catches_what_it_caught() -> None:
    second = PLAIN.replace("trials = ", "other = ").replace("=trials)", "=other)")
    text = PROGRAM + second.replace("objective", "objective_2")
    new = migrate(text, to="spark").new_text

    assert new.count("catch=Exception") == 1
    assert "catch=()" in new


def test_a_program_without_mlflow_gets_none() -> None:
    assert "mlflow" not in migrate(PROGRAM, to="spark").new_text


@pytest.mark.parametrize(
    ("inside", "kept"),
    [
        ("with mlflow.start_run(nested=True):", "with mlflow.start_run(nested=True):"),
        ("with mlflow.start_run():", "with mlflow.start_run():"),
        (
            "for _ in (1, 2):\n      with mlflow.start_run():",
            "with mlflow.start_run(nested=True):",
        ),
    ],
)
def test_the_first_run_of_an_objective_is_its_trials_and_more_are_below(
    inside: str, kept: str
) -> None:
    line = f"    {inside}\n        mlflow.log_metric('a', 1)\n"
    text = f"import mlflow\n{PROGRAM}".replace("    return {", f"{line}    return {{")
    new = migrate(text, to="spark").new_text

    assert kept in new.partition("def objective")[2]
    assert ('os.environ["MLFLOW_RUN_ID"]' in new) == ("for _" not in inside)
    assert ("with mlflow.start_run(run_id=run.info.run_id):" in new) == ("for _" in inside)


SPARK_INSIDE = """\
from hyperopt import Trials, fmin, hp, tpe
from pyspark.ml.regression import DecisionTreeRegressor
from pyspark.sql import SparkSession

session = SparkSession.builder.getOrCreate()
frame = session.range(9)
first, second = frame.randomSplit([1, 1])
local = frame.toPandas()
shared = session.sparkContext.broadcast(local)


def objective(x):
    return x * len(USED)


best = fmin(objective, hp.uniform("x", 0, 1), tpe.suggest, max_evals=4)
"""


@pytest.mark.parametrize(
    "used", ["session.range(3).collect()", "first.collect()", "DecisionTreeRegressor().uid"]
)
def test_an_objective_that_uses_spark_itself_is_left(used: str) -> None:
    result = migrate(SPARK_INSIDE.replace("USED", used), to="spark")

    assert not result.is_changed
    (note,) = [n for n in result.notes if n.needs_person]
    assert "is a part of Spark and on the driver alone: migrate --to optuna" in note.text


@pytest.mark.parametrize("used", ["local", "shared.value"])
def test_what_came_from_spark_and_is_sent_to_tasks_is_no_obstacle(used: str) -> None:
    assert migrate(SPARK_INSIDE.replace("USED", used), to="spark").is_changed


def test_the_spark_of_a_notebook_is_spark() -> None:
    text = PLAIN.replace("params[", "spark.range(3).count() * params[")
    result = migrate(f"# Databricks notebook source\n{text}", to="spark")

    assert not result.is_changed
    assert "'spark'" in notes_of(result)


def test_trials_that_leave_the_cluster_need_a_person_who_hears_of_three_ways_out() -> None:
    (note,) = [n for n in migrate(PROGRAM, to="optuna").notes if n.code == "HB225"]

    assert note.needs_person
    for way in ("migrate --to spark", "hyperbridge's SparkTrials", "Ray on the Spark cluster"):
        assert way in note.text


@pytest.mark.parametrize("latent", [False, True])
@pytest.mark.parametrize("left_out", [None, *WORDS])
def test_what_is_written_parses_and_imports_what_it_names(
    left_out: str | None, latent: bool
) -> None:
    asked = set(WORDS) - {left_out} - ({"mixed"} if left_out == "catch" else set())
    needs = {"optimize_on_spark", *(f"optimize_on_spark, {word}" for word in asked)}
    texts = helper_texts(needs | ({"latent"} if latent else set()))
    text = "\n".join([*helper_imports(needs), *texts.values()])
    tree = ast.parse(text)
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert imported <= used
    assert not re.search(r"#\?|\b(POINT|KEPT|RESULT|VALUES|ENDED)\b", text)
    assert ("values_of" in text) == (latent and "tracked" in asked)
