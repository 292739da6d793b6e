"""A worker that joins a ``local-cluster`` in the middle of a search, and leaves again.

The cluster's master and workers are objects in the JVM of the driver, and so is this one; its
executor is a process as any other.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import mlflow
from harness import our_threads, report, search, states, wait_for

import hyperbridge
from hyperbridge.backends.spark.slots import count_slots

LONGEST_S = 90
MINE = "third-worker"


def start_worker(context, folder):
    """Start a worker with two cores; return what stops it."""
    backend = context._jsc.sc().schedulerBackend()
    field = backend.getClass().getDeclaredField("masters")  # nothing public tells the address
    field.setAccessible(True)
    jvm = context._jvm
    nothing = jvm.scala.Option.empty()
    return jvm.org.apache.spark.deploy.worker.Worker.startRpcEnvAndEndpoint(
        "127.0.0.1", 0, 0, 2, 1024, field.get(backend), folder, nothing,
        context._jsc.sc().conf().clone(), nothing,
    )  # fmt: skip


def follow_a_worker(spark):
    """Search until a worker has joined, had trials, and left; an early stop ends the search."""
    context = spark.sparkContext
    folder = os.path.join(os.getcwd(), "joining")
    os.mkdir(folder)
    client = mlflow.MlflowClient()
    experiment = mlflow.set_experiment("joining").experiment_id
    trials = hyperbridge.SparkTrials(parallelism=16)
    facts: dict[str, Any] = {"steps": []}
    is_over = threading.Event()

    def objective(point):
        import os
        import time

        open(os.path.join(folder, f"{point['x']}"), "w").close()
        time.sleep(0.7)
        return {"loss": 0.0, "status": "ok", "where": os.getcwd()}

    def step(name, condition):
        facts["steps"].append([name, wait_for(condition, LONGEST_S)])

    def has_trials_there():
        return sum(MINE in result.get("where", "") for result in trials.results) >= 4

    jobs = context.statusTracker().getActiveJobsIds

    def come_and_go():
        step("trials run", lambda: len(os.listdir(folder)) >= 6)
        facts["before"] = trials.parallelism
        worker = start_worker(context, os.path.join(folder, MINE))
        step("it has trials", has_trials_there)
        facts["with it"] = trials.parallelism
        step("more are submitted", lambda: len(jobs()) > 6)
        worker.shutdown()
        worker.awaitTermination()
        step("fewer slots", lambda: trials.parallelism == facts["before"])
        step("no more are submitted than fit", lambda: len(jobs()) <= 6)
        is_over.set()

    wait_for(lambda: count_slots(context) == 4, 60)  # earlier scenarios have killed executors
    thread = threading.Thread(target=come_and_go)
    thread.start()
    search(
        objective, trials, max_evals=None, timeout=4 * LONGEST_S, tracking=True,
        backend=hyperbridge.Spark(elastic=True),
        early_stop_fn=lambda trials, *args: (is_over.is_set(), args),
    )  # fmt: skip
    thread.join()
    runs = client.search_runs([experiment], max_results=5000)
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    history = client.get_metric_history(parent.info.run_id, "parallelism")
    report(
        "elastic",
        **facts,
        at_the_end=trials.parallelism,
        states=sorted(set(states(trials))),
        n_documents=len(trials._dynamic_trials),
        runs=sorted(run.data.tags["hyperbridge.tid"] for run in runs if run is not parent),
        statuses=sorted({run.info.status for run in runs}),
        used=parent.data.params["actual_parallelism"],
        history=[point.value for point in sorted(history, key=lambda point: point.timestamp)],
        threads=our_threads(),
    )
