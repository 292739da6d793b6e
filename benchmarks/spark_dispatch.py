"""Spark dispatch: hyperbridge against hyperopt's SparkTrials and against bare Spark jobs.

Everything runs side by side in one process on one local[2] session, without tracking. The rows
give the medians of the ratios over the repetitions.

    python benchmarks/spark_dispatch.py                      # about 12 minutes: hyperopt is slow
    python benchmarks/spark_dispatch.py bare                 # one row: bare, hyperopt, iris
    python benchmarks/spark_dispatch.py iris --repetitions 1
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ["PYSPARK_PYTHON"] = sys.executable  # hyperopt's SparkTrials need it

import numpy as np
from hyperopt import hp, rand
from hyperopt.fmin import fmin as hyperopt_fmin
from hyperopt.spark import SparkTrials as HyperoptSparkTrials
from pyspark.sql import SparkSession

import hyperbridge

PARALLELISM = 2
TRIALS = 64


def instant(x: float) -> float:
    return x * x


def iris(x: float) -> float:
    from sklearn.datasets import load_iris
    from sklearn.svm import SVC

    features, species = load_iris(return_X_y=True)
    return -SVC(C=abs(x) + 0.1).fit(features, species).score(features, species)


def search(fmin: Callable[..., Any], trials: Any, fn: Callable[[float], float], n: int) -> None:
    fmin(
        fn,
        hp.uniform("x", -5, 5),
        algo=rand.suggest,
        max_evals=n,
        trials=trials,
        rstate=np.random.default_rng(0),
        show_progressbar=False,
    )
    assert trials.count_successful_trials() == n


def ours(fn: Callable[[float], float], n: int = TRIALS) -> None:
    with hyperbridge.settings(tracking=False):
        search(hyperbridge.fmin, hyperbridge.SparkTrials(parallelism=PARALLELISM), fn, n)


def hyperopts(fn: Callable[[float], float], n: int = TRIALS) -> None:
    search(hyperopt_fmin, HyperoptSparkTrials(parallelism=PARALLELISM), fn, n)


def bare_jobs(context: Any, n: int = TRIALS) -> None:
    def job(number: int) -> list[int]:
        def task(iterator: Any) -> Any:
            list(iterator)  # so that the Python worker is reused
            yield number

        return context.parallelize([number], 1).mapPartitions(task).collect()

    with ThreadPoolExecutor(PARALLELISM) as pool:
        assert len(list(pool.map(job, range(n)))) == n


def seconds(function: Callable[..., None], *args: Any) -> float:
    started = time.perf_counter()
    function(*args)
    return time.perf_counter() - started


def report(title: str, goal: str, times: list[tuple[float, float]]) -> None:
    a, b = zip(*times, strict=True)
    ratio = statistics.median(x / y for x, y in times)
    print(
        f"{title:52} {statistics.median(a):8.2f} s {statistics.median(b):8.2f} s "
        f"{ratio:7.2f}  {goal}",
        flush=True,
    )


def bare_row(context: Any, repetitions: int) -> None:
    times = [(seconds(ours, instant), seconds(bare_jobs, context)) for _ in range(repetitions)]
    report("instant: hyperbridge / bare jobs of one task", "at most 1.5", times)


def hyperopt_row(context: Any, repetitions: int) -> None:
    times = [(seconds(hyperopts, instant), seconds(ours, instant)) for _ in range(repetitions)]
    report("instant: hyperopt / hyperbridge", "at least 15", times)


def iris_row(context: Any, repetitions: int) -> None:
    # hyperopt's trials use up the workers that are idle, and theirs end with them: each search
    # of ours starts with new workers, which import scikit-learn.
    times = [(seconds(hyperopts, iris), seconds(ours, iris)) for _ in range(repetitions)]
    report("scikit-learn on iris: hyperopt / hyperbridge", "at least 5", times)


ROWS = {"bare": (bare_row, 7), "hyperopt": (hyperopt_row, 3), "iris": (iris_row, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(ROWS)} (default: all)")
    parser.add_argument("--repetitions", type=int, help="of each row (default: 7, 3 and 2)")
    args = parser.parse_args()
    if unknown := set(args.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    logging.disable(logging.WARNING)
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    context = spark.sparkContext
    bare_jobs(context, 8)
    ours(instant, 8)
    head = f"A / B, {TRIALS} trials on local[2]"
    print(f"{head:52} {'A':>10} {'B':>10} {'A/B':>7}  goal", flush=True)
    for name in args.rows or ROWS:
        row, repetitions = ROWS[name]
        row(context, args.repetitions or repetitions)
    spark.stop()


if __name__ == "__main__":
    main()
