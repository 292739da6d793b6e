"""What needs a process of its own: a bare worker, a script without a session, a lot of output."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import clean_child
import cloudpickle
import pytest
from spark_space import SPACE

from hyperbridge.run.objective import Objective
from hyperbridge.run.shipping import dumps_by_value, pack_objective, pack_runtime, unpack_outcome
from hyperbridge.worker.runtime import run_shipped

ROOT = Path(__file__).resolve().parents[2]

PROGRAMS = Path(__file__).parent / "programs"


def test_a_worker_needs_neither_hyperbridge_nor_hyperopt(tmp_path: Path) -> None:
    offset = 2.0

    def fn(p: Any) -> Any:
        import os

        print("on a bare worker", file=os.sys.stderr)  # type: ignore[attr-defined]
        return {"loss": p["x"] + offset, "status": "ok", "point": p}

    objective = Objective(fn, SPACE, None)
    packed = pack_objective(objective, cloudpickle, where="a test")
    runtime = pack_runtime(packed, [], cloudpickle)
    entry = dumps_by_value(run_shipped, cloudpickle)
    message = (7, {"x": 1.5, "kind": 1, "q": 2.0}, [])
    shipment, reports = tmp_path / "in.pkl", tmp_path / "out.pkl"
    shipment.write_bytes(cloudpickle.dumps((entry, runtime, message)))
    command = [sys.executable, PROGRAMS / "bare_worker.py", shipment, reports]
    subprocess.run(command, check=True, cwd=tmp_path)
    for report in cloudpickle.loads(reports.read_bytes()):
        outcome = unpack_outcome(report)
        assert outcome.failure is None, outcome.failure
        assert outcome.value == {"loss": 3.5, "status": "ok", "point": {"x": 1.5, "kind": 2.0}}


def run_program(script: Path, folder: Path, *, is_quiet: bool = False) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYSPARK")}
    environment.update(PYTHONPATH=str(ROOT), SPARK_LOCAL_IP="127.0.0.1")
    environment["PYSPARK_SUBMIT_ARGS"] = (
        "--master local[2] --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 "
        "pyspark-shell"
    )
    if is_quiet:
        nothing = clean_child.DEVNULL
        child = clean_child.start(
            [script], cwd=folder, env=environment, stdout=nothing, stderr=nothing
        )
        assert child.wait(180) == 0
        return ""
    result = clean_child.run([script], cwd=folder, env=environment, merged=True)
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.mark.slow
def test_a_script_without_a_session_in_threads_with_modules_beside_it_and_a_stopped_session(
    tmp_path: Path,
) -> None:
    (tmp_path / "helper_beside.py").write_text("def score(x):\n    return x * x\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    script = shutil.copy(PROGRAMS / "without_a_session.py", tmp_path)
    output = run_program(Path(script), tmp_path)
    assert "in a thread 3" in output
    assert "twice 3" in output
    assert "elsewhere 3" in output
    assert "stopped: Backend 'spark': the SparkSession was stopped while trials" in output
    assert "refused: Backend 'spark': the SparkSession is stopped" in output
    assert "anew 3" in output
    assert "[]" in output


@pytest.mark.slow
def test_an_objective_that_prints_a_gigabyte_ends_like_any_other(tmp_path: Path) -> None:
    run_program(PROGRAMS / "printing_a_gigabyte.py", tmp_path, is_quiet=True)
