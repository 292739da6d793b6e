"""128 trials at once, to their end and until a timeout; then what instant ones leave behind."""

from __future__ import annotations

import os
import sys
import threading
import time
import uuid
from pathlib import Path

from harness import open_session, our_threads, report, search, states

import hyperbridge

N_AT_ONCE = 128

seconds, n_instant = float(sys.argv[1]), int(sys.argv[2])
spark = open_session("local[128]", spark__driver__memory="2g")
meeting = Path("meeting").resolve()
meeting.mkdir()


def meet(point):
    """Wait until as many trials have started as may run at once."""
    (meeting / uuid.uuid4().hex).touch()
    deadline = time.monotonic() + 200
    while len(os.listdir(meeting)) < N_AT_ONCE:
        if time.monotonic() > deadline:
            raise TimeoutError("the others have not come")
        time.sleep(0.2)
    if point["x"] > 4.5:
        raise ValueError("one in twenty")
    return point["x"]


def sleep_for_minutes(point):
    time.sleep(600)


def account_for(trials):
    """Return what became of all trials, in the forms that the test compares."""
    found = states(trials)
    return {
        "parallelism": trials.parallelism,
        "tids_are_in_order": [d["tid"] for d in trials._dynamic_trials] == list(range(len(found))),
        "states": {state: found.count(state) for state in sorted(set(found))},
        "counted": trials.count_successful_trials()
        + trials.count_failed_trials()
        + trials.count_cancelled_trials(),
        "total": trials.count_total_trials(),
        "threads": our_threads(),
        "active_jobs": len(spark.sparkContext.statusTracker().getActiveJobsIds()),
    }


def at_once():
    trials = hyperbridge.SparkTrials(parallelism=N_AT_ONCE)
    search(meet, trials, max_evals=3 * N_AT_ONCE)
    to_fail = sum(float(d["misc"]["vals"]["x"][0]) > 4.5 for d in trials._dynamic_trials)
    report("finished", to_fail=to_fail, **account_for(trials))

    trials = hyperbridge.SparkTrials(parallelism=N_AT_ONCE)
    started = time.monotonic()
    search(sleep_for_minutes, trials, max_evals=100_000, timeout=seconds)
    report("timeout", back_after_s=time.monotonic() - started - seconds, **account_for(trials))


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
