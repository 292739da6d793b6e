"""What needs a process of its own: a bare worker, a script without a session, a lot of output."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
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

BARE_WORKER = textwrap.dedent(
    """
    import pickle, sys

    class Blocker:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in ("hyperbridge", "hyperopt"):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Blocker())
    entry, shipment, message = pickle.load(open(sys.argv[1], "rb"))
    run = pickle.loads(entry)
    reports = [run("key", lambda: shipment, message, "cloudpickle") for _ in range(2)]
    assert not {m for m in sys.modules if m.partition(".")[0] in ("hyperbridge", "hyperopt")}
    pickle.dump(reports, open(sys.argv[2], "wb"))
    """
)


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
    script = tmp_path / "worker.py"
    script.write_text(BARE_WORKER)
    subprocess.run(
        [sys.executable, str(script), str(shipment), str(reports)], check=True, cwd=tmp_path
    )
    for report in cloudpickle.loads(reports.read_bytes()):
        outcome = unpack_outcome(report)
        assert outcome.failure is None, outcome.failure
        assert outcome.value == {"loss": 3.5, "status": "ok", "point": {"x": 1.5, "kind": 2.0}}


def run_script(folder: Path, source: str, *, is_quiet: bool = False) -> str:
    script = folder / "script.py"
    script.write_text(textwrap.dedent(source))
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
    output = run_script(
        tmp_path,
        """
        import os, threading
        from hyperopt import hp, rand
        from hyperbridge.errors import BackendUnavailableError
        from hyperbridge.surface.fmin import fmin
        from hyperbridge.surface.spark_trials import SparkTrials
        import helper_beside

        def objective(x):
            return helper_beside.score(x)

        def search(trials, fn=objective, **kwargs):
            fmin(fn, hp.uniform("x", -1, 1), algo=rand.suggest, max_evals=3, trials=trials,
                 show_progressbar=False, tracking=False, **kwargs)
            return trials

        if __name__ == "__main__":
            first = SparkTrials()
            thread = threading.Thread(target=search, args=(first,))
            thread.start(); thread.join()
            print("in a thread", first.count_successful_trials())
            print("twice", search(SparkTrials()).count_successful_trials())
            os.chdir("elsewhere")
            print("elsewhere", search(SparkTrials()).count_successful_trials())
            from pyspark.sql import SparkSession
            spark = SparkSession.builder.getOrCreate()
            spark.sparkContext.setLogLevel("OFF")
            def stopping(trials, *args):
                spark.stop()
                return False, []
            try:
                search(SparkTrials(parallelism=1), early_stop_fn=stopping)
            except BackendUnavailableError as exc:
                print("stopped:", exc)
            try:
                search(SparkTrials(spark_session=spark))
            except BackendUnavailableError as exc:
                print("refused:", exc)
            print("anew", search(SparkTrials()).count_successful_trials())
            print([t.name for t in threading.enumerate() if t.name.startswith("hyperbridge")])
            SparkSession.builder.getOrCreate().stop()
        """,
    )
    assert "in a thread 3" in output
    assert "twice 3" in output
    assert "elsewhere 3" in output
    assert "stopped: Backend 'spark': the SparkSession was stopped while trials" in output
    assert "refused: Backend 'spark': the SparkSession is stopped" in output
    assert "anew 3" in output
    assert "[]" in output


@pytest.mark.slow
def test_an_objective_that_prints_a_gigabyte_ends_like_any_other(tmp_path: Path) -> None:
    run_script(
        tmp_path,
        """
        from hyperopt import hp, rand
        from hyperbridge.surface.fmin import fmin
        from hyperbridge.surface.spark_trials import SparkTrials

        def objective(x):
            if x < 0:
                block = "x" * (1 << 20)
                for _ in range(1 << 10):
                    print(block)
            return x

        if __name__ == "__main__":
            trials = SparkTrials(parallelism=2)
            fmin(objective, hp.uniform("x", -1, 1), algo=rand.suggest, max_evals=2, trials=trials,
                 show_progressbar=False, tracking=False,
                 points_to_evaluate=[{"x": -0.5}, {"x": 0.5}])
            assert trials.losses()[:2] == [-0.5, 0.5], trials.losses()
        """,
        is_quiet=True,
    )
