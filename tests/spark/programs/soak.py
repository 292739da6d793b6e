"""128 trials at once, all the time; then many instant trials, and what they leave in memory."""

from __future__ import annotations

import os
import sys
import threading
import time

from harness import open_session, our_threads, report, search, states

import hyperbridge

seconds, n_instant = float(sys.argv[1]), int(sys.argv[2])
spark = open_session("local[128]", spark__driver__memory="2g")


def objective(point):
    if point["x"] > 4.5:
        raise ValueError("one in twenty")
    time.sleep(2 + (point["x"] + 5) * 0.4)
    return point["x"]


def at_once():
    search(lambda p: 0.0, hyperbridge.SparkTrials(parallelism=128), max_evals=200)  # warm
    trials = hyperbridge.SparkTrials(parallelism=128)
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


def footprint():
    """Return what the driver holds: resident MB, Java's MB in use, threads, descriptors."""
    runtime = spark.sparkContext._jvm.java.lang.Runtime.getRuntime()
    runtime.gc()
    with open("/proc/self/status") as file:
        resident = next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))
    in_use = (runtime.totalMemory() - runtime.freeMemory()) / 1e6
    return [resident, in_use, threading.active_count(), len(os.listdir("/proc/self/fd"))]


def memory():
    def instant(n):
        trials = hyperbridge.SparkTrials(parallelism=4)
        search(lambda p: p["x"], trials, max_evals=n)
        assert trials.count_successful_trials() == n

    instant(n_instant // 2)
    before = footprint()
    instant(n_instant)
    report("memory", growth=[after - b for after, b in zip(footprint(), before, strict=True)])


at_once()
memory()
spark.stop()
