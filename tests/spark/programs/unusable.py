"""Call fmin on a cluster whose workers cannot run it because of their Python."""

from __future__ import annotations

import os
import sys

from harness import open_session, report, search

import hyperbridge

kind, *pythons = sys.argv[1:]
os.environ["PYSPARK_PYTHON"] = pythons[0]
spark = open_session(kind)
for python in pythons:
    if not kind.startswith("connect"):
        spark.sparkContext.pythonExec = python  # as PYSPARK_PYTHON would have done at its start
    try:
        search(lambda p: p["x"], hyperbridge.SparkTrials(parallelism=2), max_evals=4)
    except Exception as exc:
        report(python, kind=type(exc).__name__, text=str(exc))
spark.stop()
