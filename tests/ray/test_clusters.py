"""Clusters that other tests do not share: one that fmin starts itself, one that loses a node."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(code: str, folder: Path, *, timeout_s: float = 150, **environment: str) -> str:
    """Run a script in a process of its own; return what it printed."""
    script = folder / "script.py"
    script.write_text(textwrap.dedent(code))
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "HYPERBRIDGE_TRACKING": "0", **environment}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=folder, env=variables, text=True, timeout=timeout_s,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.slow
def test_ray_is_initialised_for_the_call_and_shut_down_after_it(tmp_path: Path) -> None:
    output = run(
        """
        import signal, warnings
        warnings.simplefilter("error", DeprecationWarning)
        import numpy as np
        from hyperopt import hp, rand
        from hyperbridge import SparkTrials, fmin

        trials = SparkTrials(parallelism=1)
        handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
        fmin(lambda x: x, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=2, trials=trials,
             show_progressbar=False)
        import ray
        import sys
        print("initialised", ray.is_initialized())
        print("handlers", handlers == [signal.getsignal(n) for n in
                                       (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)])
        print("grid", trials.result_grid.experiment_path, len(trials.losses()))
        print("spark", any("pyspark.sql" in name for name in sys.modules))
        """,
        tmp_path,
        HYPERBRIDGE_BACKEND="ray",
        HOME=str(tmp_path),
    )
    assert "initialised False" in output
    assert "handlers True" in output
    assert f"grid {tmp_path}/ray_results/objective_" in output
    assert "Warning" not in output


@pytest.mark.slow
def test_nodes_need_neither_hyperopt_nor_hyperbridge(tmp_path: Path) -> None:
    output = run(
        """
        import ray
        from hyperopt import hp, tpe
        from ray.tune import RunConfig
        from hyperbridge import Ray, Trials, fmin

        class Forbid:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("hyperopt", "hyperbridge"):
                    raise ModuleNotFoundError(f"not on this node: {name}", name=name)

        def forbid():
            import sys
            sys.meta_path.insert(0, Forbid())

        def fn(p):
            import sys
            return {"loss": p["x"], "status": "ok",
                    "seen": [n for n in sys.modules if n.startswith(("hyperopt", "hyperbridge"))]}

        ray.init(num_cpus=1, include_dashboard=False, _node_ip_address="127.0.0.1",
                 runtime_env={"worker_process_setup_hook": forbid})
        trials = Trials()
        space = {"x": hp.uniform("x", 0, 1), "k": hp.choice("k", [hp.randint("n", 3), 7])}
        fmin(fn, space, algo=tpe.suggest, max_evals=3, trials=trials, show_progressbar=False,
             backend=Ray(run_config=RunConfig(storage_path="results")))
        print("seen", [r["seen"] for r in trials.results])
        """,
        tmp_path,
        PYTHONPATH=f"{ROOT}",
    )
    assert "seen [[], [], []]" in output


@pytest.mark.slow
def test_a_node_that_goes_away_costs_its_own_trials_alone(tmp_path: Path) -> None:
    output = run(
        """
        import os, threading, time
        import ray
        from hyperopt import hp, rand
        from ray.cluster_utils import Cluster
        from ray.tune import RunConfig
        from hyperbridge import Ray, SparkTrials, fmin

        def fn(x):
            import os, time, ray
            if "spare" in ray.get_runtime_context().get_assigned_resources() or True:
                here = ray.get_runtime_context().get_node_id()
            if here == doomed and not os.path.exists(gone):
                open(ready, "w").close()
                time.sleep(300)
            time.sleep(0.2)
            return {"loss": x, "status": "ok", "node": here}

        folder = os.getcwd()
        ready, gone = folder + "/ready", folder + "/gone"
        cluster = Cluster(initialize_head=True, connect=True, head_node_args={
            "num_cpus": 1, "include_dashboard": False, "node_ip_address": "127.0.0.1"})
        node = cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1")
        cluster.wait_for_nodes()
        doomed = node.node_id

        def remove():
            while not os.path.exists(ready):
                time.sleep(0.1)
            open(gone, "w").close()
            cluster.remove_node(node, allow_graceful=False)

        thread = threading.Thread(target=remove)
        thread.start()
        trials = SparkTrials()
        fmin(fn, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=6, trials=trials,
             parallelism=2, show_progressbar=False,
             backend=Ray(run_config=RunConfig(storage_path="results")))
        thread.join()
        print("failed", trials.count_failed_trials(), "done", trials.count_successful_trials())
        print([d["misc"]["error"][1][:80] for d in trials._dynamic_trials if d["state"] == 3])
        ray.shutdown()
        cluster.shutdown()
        """,
        tmp_path,
    )
    assert "failed 1 done 5" in output, output
    assert "lost" in output
