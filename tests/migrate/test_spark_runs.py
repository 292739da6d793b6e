"""What ``migrate --to spark`` writes, run on real sessions without hyperopt and hyperbridge."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import clean_child
import pytest
import warm_spark_daemon
from golden_cases import ON_SPARK, before, migrate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

HEAD = """\
import time
import mlflow
import numpy as np
from hyperopt import STATUS_FAIL, STATUS_OK, SparkTrials, Trials, fmin, hp, space_eval, tpe
from hyperopt.early_stop import no_progress_loss

space = {"x": hp.uniform("x", -1, 1), "k": hp.choice("k", ["a", {"d": hp.normal("d", 0, 1)}])}
"""
LOGGING = f"""\
{HEAD}
def objective(params):
    import os, sys

    assert not {{"optuna", "hyperopt", "hyperbridge"}} & set(sys.modules)
    with mlflow.start_run(nested=True):
        mlflow.log_metric("squared", params["x"] ** 2)
        mlflow.log_param("x", "mine")
    if params["x"] > 0.5:
        raise ValueError("too large")
    if params["x"] < -0.5:
        return {{"status": STATUS_FAIL}}
    return {{"loss": params["x"] ** 2, "status": STATUS_OK, "pid": os.getpid()}}

def search(trials):
    rng = np.random.default_rng(9)
    return fmin(objective, space, tpe.suggest, 10, trials=trials, rstate=rng)

trials = SparkTrials(parallelism=2)
mlflow.start_run()
best = search(trials)
mlflow.end_run()
best_loss = trials.best_trial["result"]["loss"]
found = [sorted(space_eval(space, best)), [t["result"].get("pid") for t in trials.trials]]
"""
SEVERAL = f"""\
{HEAD}
def objective(params):
    for fold in range(2):
        with mlflow.start_run():
            mlflow.log_metric("fold", fold)
    return params["x"] ** 2 + 0.0

best = fmin(objective, space, tpe.suggest, 2, trials=SparkTrials(2))
"""
ACTIVE = f"""\
{HEAD}
def objective(params):
    mlflow.log_metric("squared", params["x"] ** 2)
    return mlflow.active_run().info.run_id and params["x"] ** 2 + 0.0

best = fmin(objective, space, tpe.suggest, 4, trials=SparkTrials(2))
"""
SLOW = f"""\
{HEAD}
def objective(params):
    time.sleep(1 if params["x"] < 0 else 90)
    return params["x"] ** 2 + 0.0

trials = SparkTrials(parallelism=2, timeout=TIMEOUT)
rng = np.random.default_rng(5)  # its first trial is a short one, and a long one comes soon
best = fmin(objective, space, tpe.suggest, 100, trials=trials, rstate=rng)
best_loss = trials.best_trial["result"]["loss"]
"""
FAILING = f"""\
{HEAD}
def objective(params):
    raise ValueError("none is good")

try:
    best = fmin(objective, space, tpe.suggest, 3, trials=SparkTrials(3))
except Exception as exc:
    found = str(exc)
"""
RAISING = f"""\
{HEAD}
class TooLargeError(Exception):
    pass

def objective(params):
    raise TooLargeError("none is good")

try:
    best = fmin(objective, space, tpe.suggest, 3, trials=Trials())
except TooLargeError as exc:
    found = f"{{exc}}: {{exc.__cause__}}"
"""
STOPPING = f"""\
{HEAD}
def objective(params):
    return 1 - 0.0 * params["x"]

best = fmin(objective, space, tpe.suggest, 50, trials=SparkTrials(),
            early_stop_fn=no_progress_loss(4))
"""
PROGRAMS: dict[str, tuple[str, float | None]] = {
    "logging": (LOGGING, None),  # first: the objective looks at what the worker has imported
    "several": (SEVERAL, None),
    "active": (ACTIVE, None),
    "timeout": (SLOW.replace("TIMEOUT", "12"), None),
    "interrupted": (SLOW.replace("TIMEOUT", "80"), 6),
    "failing": (FAILING, None),
    "raising": (RAISING, None),
    "stopping": (STOPPING, None),
}


@pytest.fixture(
    scope="module",
    params=[
        "local[3]",
        "connect:local[3]",
        pytest.param("local-cluster[2,1,1024]", marks=pytest.mark.long),
    ],
)
def facts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    pyspark = pytest.importorskip("pyspark")
    for name in ("mlflow", "optuna"):
        pytest.importorskip(name)
    if request.param.startswith("connect"):
        pytest.importorskip("grpc")
        if pyspark.__version__.startswith("3."):
            pytest.skip("PySpark 3 brings no Spark Connect server")
    folder = tmp_path_factory.mktemp("spark")
    written = {}
    golden = {case: (before(case), None) for case in ON_SPARK}
    for name, (text, seconds) in {**PROGRAMS, **golden}.items():
        result = migrate(text, to="spark")
        assert not any(note.needs_person for note in result.notes)
        few = re.sub(r"n_trials=\d+", "n_trials=3", result.new_text)
        written[name] = (few if name in ON_SPARK else result.new_text, seconds)
    settings = warm_spark_daemon.settings(without="hyperopt")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PYTEST_"))}
    done = clean_child.run(
        [Path(__file__).parent / "programs" / "spark_child.py", request.param],
        input=json.dumps(
            {
                "settings": settings,
                "variables": warm_spark_daemon.variables(settings),
                "programs": written,
            }
        ),
        cwd=folder,
        env={
            **kept,
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
            "GIT_PYTHON_REFRESH": "quiet",
        },
        timeout=380,
    )
    assert "RESULT " in done.stdout, done.stderr[-3000:]
    return json.loads(done.stdout.rpartition("RESULT ")[2])


def children(fact: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the child runs of the one parent run of a program."""
    (parent,) = [run for run in fact["runs"] if run["parent"] is None]
    below = [run for run in fact["runs"] if run["parent"] is not None]
    assert {run["parent"] for run in below} == {parent["id"]}
    return below


def outcomes(fact: dict[str, Any]) -> Counter[tuple[str, str]]:
    return Counter((run["outcome"], run["status"]) for run in children(fact))


def test_programs_run_and_leave_nothing_behind(facts: Any) -> None:
    expected = {"interrupted": "KeyboardInterrupt"}
    for name, fact in facts.items():
        assert fact["raised"].startswith(expected.get(name, "")), name
        assert bool(fact["raised"]) == (name in expected), fact["raised"]
        assert not fact["active"], name
        assert "RUNNING" not in {run["status"] for run in fact["runs"]}, name
        assert not {"RUNNING", "WAITING"} & set(fact["states"]), name
    for case in ON_SPARK:
        assert 0 <= facts[case]["best_loss"] < 100, case


def test_golden_programs_have_child_runs_with_params_and_losses(facts: Any) -> None:
    for case in ("spark_tracked", "spark_logging_objective", "spark_nested_runs", "databricks_svc"):
        fact = facts[case]
        below = children(fact)
        done = [run for run in below if run["outcome"] == "success"]
        assert len(below) == sum(fact["states"].values())
        assert {run["status"] for run in done} == {"FINISHED"}
        assert all("loss" in run["metrics"] and run["params"] for run in done)
        (parent,) = [run for run in fact["runs"] if run["parent"] is None]
        best = min(run["metrics"]["loss"] for run in done)
        assert parent["metrics"]["best_trial_loss"] == best


def test_what_the_objective_logs_lands_in_the_child_run_of_its_trial(facts: Any) -> None:
    fact = facts["logging"]
    below = children(fact)
    assert len(below) == 10
    assert all(run["params"]["x"] == "mine" for run in below)
    assert all("squared" in run["metrics"] for run in below)
    for run in below:
        if run["outcome"] == "success":
            assert run["metrics"]["loss"] == run["metrics"]["squared"]
    active = children(facts["active"])
    assert [run["metrics"]["loss"] == run["metrics"]["squared"] for run in active] == [True] * 4


def test_several_runs_of_an_objective_are_below_the_child_run_of_its_trial(facts: Any) -> None:
    runs = {run["id"]: run for run in facts["several"]["runs"]}
    folds = [run for run in runs.values() if "fold" in run["metrics"]]
    assert len(folds) == 4
    for run in folds:
        assert runs[run["parent"]]["outcome"] == "success"


def test_failed_trials_fail_their_run_and_no_other(facts: Any) -> None:
    fact = facts["logging"]
    expected = {("success", "FINISHED"): fact["states"]["COMPLETE"]}
    expected |= {("failure", "FAILED"): fact["states"]["FAIL"]}
    assert outcomes(fact) == expected
    assert set(fact["states"]) == {"COMPLETE", "FAIL"}
    keys, pids = fact["found"]
    assert keys == ["k", "x"]
    assert None in pids, "a result with the status fail is a document"
    assert fact["driver"] not in pids


def test_a_timeout_cancels_what_runs_and_keeps_what_finished(facts: Any) -> None:
    fact = facts["timeout"]
    assert fact["seconds"] < 60
    assert outcomes(fact)[("cancelled", "KILLED")] == fact["states"]["FAIL"] > 0
    if "COMPLETE" in fact["states"]:
        assert fact["best_loss"] <= 1


def test_ctrl_c_reaches_the_user_and_cancels_what_runs(facts: Any) -> None:
    fact = facts["interrupted"]
    assert fact["seconds"] < 60
    assert outcomes(fact)[("cancelled", "KILLED")] == fact["states"]["FAIL"] > 0
    assert [run["status"] for run in fact["runs"] if run["parent"] is None] == ["FAILED"]


def test_when_all_trials_fail_there_is_no_best_one(facts: Any) -> None:
    assert facts["failing"]["states"] == {"FAIL": 3}
    assert "No trials are completed yet" in facts["failing"]["found"]
    assert outcomes(facts["failing"]) == {("failure", "FAILED"): 3}


def test_a_trial_that_raises_ends_a_search_of_plain_trials(facts: Any) -> None:
    assert facts["raising"]["states"] == {"FAIL": 1}
    assert facts["raising"]["found"].startswith("none is good: Traceback")


def test_a_search_without_progress_stops(facts: Any) -> None:
    n = sum(facts["stopping"]["states"].values())
    assert 4 <= n < 20
