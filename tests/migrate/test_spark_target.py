"""``migrate --to spark``: a study on the driver, each trial a Spark job of one task."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hyperbridge.cli.main import main
from hyperbridge.migrate.planning import FilePlan, plan_sources
from hyperbridge.migrate.sources import source_of

PROGRAM = """\
from hyperopt import STATUS_OK, SparkTrials, fmin, hp, space_eval, tpe

space = {"x": hp.uniform("x", -1, 1), "k": hp.choice("k", ["a", {"d": hp.normal("d", 0, 1)}])}


def objective(params):
    import os

    if params["x"] > 0.9:
        raise ValueError("too large")
    return {"loss": params["x"] ** 2, "status": STATUS_OK, "pid": os.getpid()}


trials = SparkTrials(parallelism=2, timeout=300)
best = fmin(objective, space, algo=tpe.suggest, max_evals=4, trials=trials)
point = space_eval(space, best)
pids = {t["result"]["pid"] for t in trials.trials}
"""

RUNNER = """\
import os, sys
os.environ["PYSPARK_PYTHON"] = sys.executable
for name in ("hyperopt", "hyperbridge"):
    sys.modules[name] = None
from pyspark.sql import SparkSession
SparkSession.builder.master("local[2]").config("spark.ui.enabled", False).getOrCreate()
sys.argv = [sys.argv[1]]
scope = {"__name__": "__main__"}
exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"), scope)
assert set(scope["point"]) == {"x", "k"}, scope["point"]
assert os.getpid() not in scope["pids"], "a trial ran on the driver"
assert len(scope["study"].trials) == 4
print("right")
"""


def planned(text: str) -> FilePlan:
    return plan_sources([source_of(Path("train.py"), text.encode())], "spark")[0]


def test_the_objective_and_the_parallelism_of_the_trials_are_kept() -> None:
    new = planned(PROGRAM).new_text

    assert "def objective(params):" in new
    assert "keep_result(trial, run_on_spark(objective, search_space(trial)))" in new
    assert "n_trials=4, timeout=300, n_jobs=2, catch=(Exception,)" in new
    assert "hyperopt" not in new.replace("hyperopt's documents", "")


def test_without_a_parallelism_there_are_as_many_trials_as_task_slots() -> None:
    new = planned(PROGRAM.replace("parallelism=2, ", "")).new_text

    assert "n_jobs=task_slots()" in new


def test_an_objective_that_logs_to_mlflow_is_left() -> None:
    text = PROGRAM.replace("    import os\n", "    import os\n    mlflow.log_metric('a', 1)\n")
    result = planned(f"import mlflow\n{text}")

    assert not result.is_changed
    assert "on an executor does not know the run" in result.notes[0].text


@pytest.mark.slow
def test_the_trials_run_on_workers_without_hyperopt_and_hyperbridge(tmp_path: Path) -> None:
    for name in ("pyspark", "pyarrow", "optuna"):
        pytest.importorskip(name)
    path = tmp_path / "train.py"
    path.write_text(PROGRAM)
    assert main(["migrate", str(path), "--to", "spark", "--write"]) == 0

    done = subprocess.run(
        [sys.executable, "-c", RUNNER, str(path)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[-1] == "right"
