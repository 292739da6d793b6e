"""Stop the MLflow server in the middle of a search, and start it again."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import warnings
from itertools import pairwise

import mlflow
from harness import open_session, our_threads, report, search, states

import hyperbridge
import hyperbridge.errors


class Server:
    """A real MLflow server on loopback, over a SQLite file."""

    def __init__(self):
        atexit.register(self.stop)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self):
        with open("server.log", "ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"),
                    *("--port", str(self.port), "--workers", "1", "--serve-artifacts"),
                    *("--backend-store-uri", f"sqlite:///{os.getcwd()}/server.db"),
                    *("--artifacts-destination", os.path.join(os.getcwd(), "artifacts")),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(f"{self.uri}/health", timeout=2).status == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError("the MLflow server does not start")

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


server = Server()
server.start()
spark = open_session("local[2]")
mlflow.set_tracking_uri(server.uri)
experiment = mlflow.set_experiment("restart").experiment_id
finished_at = []
restarter = threading.Thread(target=server.start)


def between_trials(trials, *args):
    finished_at.append(time.monotonic())
    if len(finished_at) == 4:
        server.stop()
    is_noticed = len(finished_at) >= 10 and caught
    if restarter.ident is None and (is_noticed or len(finished_at) == 13):
        restarter.start()
    return False, args


def tid_of(run):
    return int(run.data.tags["hyperbridge.tid"])


trials = hyperbridge.SparkTrials(parallelism=2)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", hyperbridge.errors.TrackingWarning)
    search(
        lambda p: (time.sleep(0.3), p["x"] ** 2)[1],
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
    longest_pause_s=max(b - a for a, b in pairwise(finished_at)),
    threads=our_threads(),
)
spark.stop()
