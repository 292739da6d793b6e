"""Searches on Spark in a program that starts no session, and one after its session was stopped."""

import os
import threading

import helper_beside
from hyperopt import hp, rand

from hyperbridge.errors import BackendUnavailableError
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.spark_trials import SparkTrials


def objective(x):
    return helper_beside.score(x)


def search(trials, fn=objective, **kwargs):
    fmin(
        fn,
        hp.uniform("x", -1, 1),
        algo=rand.suggest,
        max_evals=3,
        trials=trials,
        show_progressbar=False,
        tracking=False,
        **kwargs,
    )
    return trials


if __name__ == "__main__":
    first = SparkTrials()
    thread = threading.Thread(target=search, args=(first,))
    thread.start()
    thread.join()
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
