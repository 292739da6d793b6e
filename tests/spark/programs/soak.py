"""128 trials at once, all the time."""

from __future__ import annotations

import sys
import time

from harness import open_session, our_threads, report, search, states

import hyperbridge

seconds = float(sys.argv[1])
spark = open_session("local[128]", spark__driver__memory="2g")
trials = hyperbridge.SparkTrials(parallelism=128)


def objective(point):
    if point["x"] > 4.5:
        raise ValueError("one in twenty")
    time.sleep(1 + (point["x"] + 5) / 5)
    return point["x"]


started = time.monotonic()
search(objective, trials, max_evals=100_000, timeout=seconds)
back_after_s = time.monotonic() - started - seconds
found = states(trials)
report(
    "soak",
    parallelism=trials.parallelism,
    back_after_s=back_after_s,
    tids_are_in_order=[d["tid"] for d in trials._dynamic_trials] == list(range(len(found))),
    states={state: found.count(state) for state in sorted(set(found))},
    counted=trials.count_successful_trials()
    + trials.count_failed_trials()
    + trials.count_cancelled_trials(),
    total=trials.count_total_trials(),
    threads=our_threads(),
    active_jobs=len(spark.sparkContext.statusTracker().getActiveJobsIds()),
)
spark.stop()
