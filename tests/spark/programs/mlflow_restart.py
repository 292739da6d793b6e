"""Stop the MLflow server in the middle of a search, and start it again."""

from __future__ import annotations

import atexit
import sys
import threading
import time
import warnings
from itertools import pairwise
from pathlib import Path

import mlflow
from harness import open_session, our_threads, report, search, states
from mlflow_server import MlflowServer

import hyperbridge
import hyperbridge.errors

server = MlflowServer(Path.cwd(), Path(sys.argv[1]))
atexit.register(server.kill)
server.start()
spark = open_session("local[2]")
mlflow.set_tracking_uri(server.uri)
experiment = mlflow.set_experiment("restart").experiment_id
finished_at: list[float] = []
restarter = threading.Thread(target=server.start)


def objective(point):
    time.sleep(0.3)
    return point["x"] ** 2


def between_trials(trials, *args):
    finished_at.append(time.monotonic())
    if len(finished_at) == 4:
        server.kill()
    is_noticed = len(finished_at) >= 10 and caught
    if restarter.ident is None and (is_noticed or len(finished_at) == 13):
        restarter.start()
    if len(finished_at) == 13:
        restarter.join()  # the end of the search waits for the store no longer than it should
    return False, args


def tid_of(run):
    return int(run.data.tags["hyperbridge.tid"])


trials = hyperbridge.SparkTrials(parallelism=2)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", hyperbridge.errors.TrackingWarning)
    search(
        objective,
        trials,
        max_evals=14,
        early_stop_fn=between_trials,
        tracking=True,
    )
restarter.join()
runs = mlflow.MlflowClient().search_runs([experiment])
children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
losses = {document["tid"]: document["result"]["loss"] for document in trials.trials}
report(
    "restart",
    states=states(trials),
    children=sorted((tid_of(run), run.info.status) for run in children),
    losses=all(
        run.data.metrics["loss"] == losses[int(run.data.tags["hyperbridge.tid"])]
        for run in children
    ),
    parents=[run.info.status for run in parents],
    total=parents[0].data.metrics.get("total_trials_count"),
    warnings=[str(w.message) for w in caught],
    longest_pause_s=max(b - a for a, b in pairwise(finished_at[:13])),
    threads=our_threads(),
)
spark.stop()
