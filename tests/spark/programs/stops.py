"""Stop searches whose trials take minutes, in each way there is, on one kind of session."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time

import mlflow
from harness import (
    beating_objective,
    hearts,
    open_session,
    our_threads,
    report,
    search,
    states,
    stopped_beating,
    wait_for,
)

import hyperbridge

kind = sys.argv[1]
spark = open_session(kind)
is_connect = kind.startswith("connect:")
mlflow.set_tracking_uri(f"sqlite:///{os.getcwd()}/mlflow.db")


def runs_of(experiment):
    """Return the parents' statuses, and each child's status and what it says of its trial."""
    parents, children = [], []
    for run in mlflow.MlflowClient().search_runs([experiment]):
        if "mlflow.parentRunId" in run.data.tags:
            children.append([run.info.status, run.data.tags.get("trial_status")])
        else:
            parents.append(run.info.status)
    return parents, sorted(children)


def mixed_objective(folder):
    """The first trial to begin ends at once, the others take minutes."""
    slow = beating_objective(folder)

    def objective(point):
        import os

        try:
            os.mkdir(os.path.join(folder, "..", os.path.basename(folder) + ".first"))
        except FileExistsError:
            return slow(point)
        import time

        deadline = time.monotonic() + 30
        while not os.listdir(folder) and time.monotonic() < deadline:
            time.sleep(0.05)
        return 0.0

    return objective


def active_jobs():
    if is_connect:
        return None  # a client cannot know; what the objectives do says it
    return len(spark.sparkContext.statusTracker().getActiveJobsIds())


def play(name, make_objective, *, stopped_at, **kwargs):
    """Run a search, and say how long after ``stopped_at()`` it was back."""
    with tempfile.TemporaryDirectory() as parent:
        folder = os.path.join(parent, "hearts")
        os.mkdir(folder)
        experiment = mlflow.set_experiment(name).experiment_id
        trials = hyperbridge.SparkTrials(parallelism=2)
        raised = None
        started = time.monotonic()
        try:
            search(make_objective(folder), trials, max_evals=20, tracking=True, **kwargs)
        except BaseException as exc:
            raised = type(exc).__name__
        back = time.monotonic()
        parents, children = runs_of(experiment)
        report(
            name,
            raised=raised,
            back_after_s=back - stopped_at(started),
            began=len(hearts(folder)),
            threads=our_threads(),
            active_jobs=active_jobs(),
            silent=stopped_beating(folder, 10),
            states=states(trials),
            reason=trials._fmin_cancelled_reason,
            cancelled=trials.count_cancelled_trials(),
            parents=parents,
            children=children,
        )


moments: dict[str, float] = {}


def stop_early(trials, *args):
    moments["stop"] = time.monotonic()
    return True, args


# Workers that have imported what they need, MLflow too, begin a trial long before the timeout.
search(lambda point: 0.0, hyperbridge.SparkTrials(parallelism=2), max_evals=8, tracking=True)

play("timeout", beating_objective, stopped_at=lambda started: started + 6, timeout=6)
play(
    "early stop",
    mixed_objective,
    stopped_at=lambda started: moments["stop"],
    early_stop_fn=stop_early,
)


def note_finish(trials, *args):
    moments["threshold"] = time.monotonic()
    return False, args


play(
    "loss_threshold",
    mixed_objective,
    stopped_at=lambda started: moments["threshold"],
    loss_threshold=1.0,
    early_stop_fn=note_finish,
)


def interrupting(folder):
    def interrupt():
        wait_for(lambda: len(hearts(folder)) == 2, 60)
        moments["interrupt"] = time.monotonic()
        os.killpg(0, signal.SIGINT)  # a terminal sends it to all, the JVM and the workers too

    threading.Thread(target=interrupt, daemon=True).start()
    return beating_objective(folder)


play("ctrl-c", interrupting, stopped_at=lambda started: moments["interrupt"])
trials = hyperbridge.SparkTrials(parallelism=2)
search(lambda point: point["x"], trials, max_evals=4)
report("afterwards", states=states(trials), threads=our_threads())
spark.stop()
