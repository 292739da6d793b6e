"""What tracking to SQLite adds to a run on Spark: 32 trials of 0.2 s at parallelism 4.

Runs with and without tracking alternate in one process on one local[4] session; the median of
the ratios is given.

    python benchmarks/tracking.py
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import tempfile
import time

os.environ["PYSPARK_PYTHON"] = sys.executable

import mlflow
import numpy as np
from pyspark.sql import SparkSession

import hyperbridge
from hyperbridge import SparkTrials, fmin, hp, rand

RUNS = 7
GOAL = 1.2
SPACE = {f"x{i}": hp.uniform(f"x{i}", -5, 5) for i in range(5)}


def objective(point: dict[str, float]) -> float:
    time.sleep(0.2)
    return sum(x * x for x in point.values())


def seconds(*, tracking: bool) -> float:
    started = time.perf_counter()
    with hyperbridge.settings(tracking=tracking):
        fmin(
            objective,
            SPACE,
            algo=rand.suggest,
            max_evals=32,
            trials=SparkTrials(parallelism=4),
            rstate=np.random.default_rng(0),
            show_progressbar=False,
        )
    return time.perf_counter() - started


def main() -> None:
    logging.disable(logging.WARNING)
    spark = (
        SparkSession.builder.master("local[4]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    with tempfile.TemporaryDirectory() as folder:
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.set_experiment("benchmark")
        seconds(tracking=True), seconds(tracking=False)
        times = [(seconds(tracking=True), seconds(tracking=False)) for _ in range(RUNS)]
    ratio = statistics.median(a / b for a, b in times)
    with_it, without = (statistics.median(column) for column in zip(*times, strict=True))
    print(
        f"with tracking {with_it:.2f} s, without {without:.2f} s, ratio {ratio:.2f} "
        f"(asked: at most {GOAL})"
    )
    spark.stop()


if __name__ == "__main__":
    main()
