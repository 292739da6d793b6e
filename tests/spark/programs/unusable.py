"""Call fmin on a cluster whose workers cannot run it, because of their Python."""

from __future__ import annotations

import sys

from harness import open_session, report, search

import hyperbridge

spark = open_session(sys.argv[1])
try:
    search(lambda p: p["x"], hyperbridge.SparkTrials(parallelism=2), max_evals=4)
except Exception as exc:
    report("unusable", kind=type(exc).__name__, text=str(exc))
spark.stop()
