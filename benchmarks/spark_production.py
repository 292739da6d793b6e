"""Long searches on Spark: does a trial cost the same at the end as at the start, and on Connect?

Objectives are instant and nothing is tracked, so that what is measured is the cost of a trial.

    python benchmarks/spark_production.py             # all of it, about 8 minutes
    python benchmarks/spark_production.py classic     # 2,000 trials against 2,000 bare jobs
    python benchmarks/spark_production.py connect     # Spark Connect against classic
    python benchmarks/spark_production.py memory      # the driver's memory over 5,000 trials
    python benchmarks/spark_production.py soak        # 128 trials at once for one minute
    python benchmarks/spark_production.py mlflow      # against mlflow.pyspark.optuna (30 trials)
"""

from __future__ import annotations

import argparse
import collections
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ["PYSPARK_PYTHON"] = sys.executable
os.environ["SPARK_TESTING"] = "1"  # a Connect server of ours takes any free port
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")

SLOTS = 2


def open_session(*, connect: bool, slots: int = SLOTS) -> Any:
    from pyspark.sql import SparkSession

    builder = (
        SparkSession.builder.config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "OFF")
    )
    master = f"local[{slots}]"
    return (builder.remote(master) if connect else builder.master(master)).getOrCreate()


def instant(x: float) -> float:
    return x * x


def search(n: int) -> list[float]:
    """Run n instant trials; return when each ended."""
    import numpy as np
    from hyperopt import hp, rand

    import hyperbridge

    ends: list[float] = []

    def note(trials: Any, *args: Any) -> tuple[bool, Any]:
        ends.append(time.perf_counter())
        return False, args

    trials = hyperbridge.SparkTrials(parallelism=SLOTS)
    hyperbridge.fmin(
        instant,
        hp.uniform("x", -5, 5),
        algo=rand.suggest,
        max_evals=n,
        trials=trials,
        rstate=np.random.default_rng(0),
        early_stop_fn=note,
        show_progressbar=False,
        tracking=False,
    )
    assert trials.count_successful_trials() == n
    return ends


def bare_jobs(spark: Any, n: int) -> None:
    context = spark.sparkContext

    def job(number: int) -> list[int]:
        def task(iterator: Any) -> Any:
            list(iterator)  # so that the Python worker is reused
            yield number

        return context.parallelize([number], 1).mapPartitions(task).collect()

    with ThreadPoolExecutor(SLOTS) as pool:
        assert len(list(pool.map(job, range(n)))) == n


def resident_mb() -> float:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def show(what: str, measured: float, goal: str) -> None:
    print(f"{what:66} {measured:8.2f}  asked: {goal}", flush=True)


def java_heap_mb(spark: Any) -> float:
    """Return what is in use after a collection."""
    runtime = spark.sparkContext._jvm.java.lang.Runtime.getRuntime()
    runtime.gc()
    return (runtime.totalMemory() - runtime.freeMemory()) / 1e6


def classic(n: int = 2000) -> None:
    spark = open_session(connect=False)
    bare_jobs(spark, 100)
    search(100)
    started = time.perf_counter()
    ends = search(n)
    ours = ends[-1] - started
    quarter = n // 4
    first, last = ends[quarter - 1] - started, ends[-1] - ends[-quarter - 1]
    started = time.perf_counter()
    bare_jobs(spark, n)
    bare = time.perf_counter() - started
    spark.stop()
    each = f"({1e3 * ours / n:.1f} and {1e3 * bare / n:.1f} ms each)"
    show(f"{n} instant trials / {n} bare jobs {each}", ours / bare, "at most 1.5")
    show("throughput of the last quarter / of the first", first / last, "at least 1")


def one_kind(kind: str, n: int) -> None:
    """Print the seconds of n trials after a warm-up: a session kind needs its own process."""
    spark = open_session(connect=kind == "connect")
    search(50)
    started = time.perf_counter()
    ends = search(n)
    print("SECONDS", json.dumps(ends[-1] - started), flush=True)
    spark.stop()


def connect(n: int = 300, repetitions: int = 2) -> None:
    seconds: dict[str, list[float]] = {"classic": [], "connect": []}
    for _ in range(repetitions):
        for kind, found in seconds.items():
            command = [sys.executable, __file__, "--one-kind", kind, "--trials", str(n)]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            found.append(float(output.partition("SECONDS ")[2].split()[0]))
    ours, theirs = min(seconds["connect"]), min(seconds["classic"])
    each = f"({1e3 * ours / n:.1f} and {1e3 * theirs / n:.1f} ms each)"
    show(f"{n} instant trials, Connect / classic {each}", ours / theirs, "at most 2")


def memory(n: int = 5000) -> None:
    """The driver keeps the documents; beyond that, nothing may grow."""
    spark = open_session(connect=False)
    search(500)
    before, heap = resident_mb(), java_heap_mb(spark)
    search(n)
    show(f"MB that the driver's Python grows by over {n} instant trials", resident_mb() - before,
         "flat: their documents alone, 3 kB each")  # fmt: skip
    show("MB that its Java heap grows by", java_heap_mb(spark) - heap, "flat")
    spark.stop()


def soak(seconds: float = 60.0) -> None:
    """As many trials at once as there may be; each must be accounted for."""
    import numpy as np
    from hyperopt import hp, rand

    import hyperbridge

    spark = open_session(connect=False, slots=128)
    trials = hyperbridge.SparkTrials(parallelism=128)

    def objective(x: float) -> float:
        time.sleep(2.0 + x)
        return x

    started = time.perf_counter()
    hyperbridge.fmin(
        objective,
        hp.uniform("x", 0, 4),
        algo=rand.suggest,
        max_evals=1_000_000,
        timeout=seconds,
        trials=trials,
        rstate=np.random.default_rng(0),
        show_progressbar=False,
        tracking=False,
    )
    late = time.perf_counter() - started - seconds
    tids = [document["tid"] for document in trials._dynamic_trials]
    found = collections.Counter(document["state"] for document in trials._dynamic_trials)
    assert tids == list(range(len(tids)))
    assert set(found) <= {2, 4}, found  # done, cancelled
    assert found[4] <= 128
    left = [t.name for t in threading.enumerate() if t.name.startswith("hyperbridge")]
    assert left == []
    assert not spark.sparkContext.statusTracker().getActiveJobsIds()
    spark.stop()
    show(f"128 at once for {seconds:.0f} s, {found[2]} done, {found[4]} cancelled: s late", late,
         "at most 3, all accounted for")  # fmt: skip


def mlflow_study(n: int = 30) -> None:
    """The same sampler and store: our fmin, and MLflow's own Optuna on Spark."""
    import mlflow
    import numpy as np
    import optuna
    from hyperopt import hp
    from mlflow.optuna.storage import MlflowStorage
    from mlflow.pyspark.optuna.study import MlflowSparkStudy

    import hyperbridge

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    spark = open_session(connect=False)
    search(20)
    with tempfile.TemporaryDirectory() as folder:
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.set_experiment("ours")
        started = time.perf_counter()
        hyperbridge.fmin(
            instant,
            hp.uniform("x", -5, 5),
            algo=optuna.samplers.TPESampler(seed=0),
            backend="spark",
            parallelism=SLOTS,
            max_evals=n,
            rstate=np.random.default_rng(0),
            show_progressbar=False,
            tracking=True,
        )
        ours = time.perf_counter() - started
        experiment = mlflow.create_experiment("rival")
        storage = MlflowStorage(experiment_id=experiment)
        study = MlflowSparkStudy(
            "rival", storage, sampler=optuna.samplers.TPESampler(seed=0), mlflow_tracking_uri=None
        )
        started = time.perf_counter()
        study.optimize(lambda trial: trial.suggest_float("x", -5, 5) ** 2, n_trials=n, n_jobs=SLOTS)
        rival = time.perf_counter() - started
    spark.stop()
    each = f"({ours:.1f} and {rival:.1f} s)"
    show(f"{n} trials, TPESampler, SQLite: ours / MlflowSparkStudy {each}", ours / rival,
         "at most 0.33")  # fmt: skip


PARTS = {
    "classic": classic,
    "connect": connect,
    "memory": memory,
    "soak": soak,
    "mlflow": mlflow_study,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--one-kind", choices=["classic", "connect"], help=argparse.SUPPRESS)
    parser.add_argument("--trials", type=int, default=300, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if args.one_kind is not None:
            one_kind(args.one_kind, args.trials)
            return
        for part in args.parts or PARTS:
            PARTS[part]()


if __name__ == "__main__":
    main()
