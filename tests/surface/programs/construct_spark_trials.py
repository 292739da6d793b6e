"""Construct SparkTrials, and see that no Spark was started for it."""

from hyperbridge.surface.spark_trials import SparkTrials

trials = SparkTrials(parallelism=4, timeout=10, loss_threshold=0.1)
assert len(trials) == 0
assert trials.count_total_trials() == 0
from pyspark import SparkContext

assert SparkContext._active_spark_context is None
assert SparkContext._gateway is None
