"""What is special about a Spark Connect session: no SparkContext, tags, artifacts, threads."""

from __future__ import annotations

import os
import threading
import time

import mlflow
from harness import open_session, our_threads, report, search, states, wait_for
from hyperopt import hp, tpe

import hyperbridge
from hyperbridge.errors import HyperbridgeError

spark = open_session("connect:local[3]")


def objective(point):
    if point["x"] < -4:
        raise ValueError("too low")
    return {"loss": point["x"] ** 2, "status": "ok", "kind": point["kind"]["name"]}


def documents(trials):
    volatile = ("book_time", "refresh_time")
    kept = []
    for document in trials._dynamic_trials:
        document = {k: v for k, v in document.items() if k not in volatile}
        document["misc"] = {k: v for k, v in document["misc"].items() if k != "traceback"}
        if "error" in document["misc"]:
            document["misc"]["error"] = document["misc"]["error"][0]
        kept.append(repr(document))
    return kept


def same_as_local():
    kwargs = {"max_evals": 12, "algo": tpe.suggest, "catch_eval_exceptions": True}
    here, there = hyperbridge.SparkTrials(), hyperbridge.SparkTrials(parallelism=1)
    search(objective, here, backend="local", parallelism=1, **kwargs)
    search(objective, there, backend="spark", **kwargs)
    report("same as local", equal=documents(here) == documents(there), n=len(there.losses()))


def attributes():
    before = hyperbridge.SparkTrials().parallelism
    trials = hyperbridge.SparkTrials()
    search(objective, trials, max_evals=6)
    try:
        trials._spark_context
        context = "there is one"
    except Exception as exc:
        context = type(exc).__module__.partition(".")[0]
    report(
        "attributes",
        before=before,
        during=trials.parallelism,
        asked=trials.user_specified_parallelism,
        successful=trials.count_successful_trials(),
        failed=trials.count_failed_trials(),
        context=context,
        session=trials._spark is spark,
    )


def tags():
    """The user's tags stay, and the user's own query survives a search's cancellation."""
    spark.addTag("the-users")
    survived = []

    def query():
        spark.addTag("other-query")
        slow = spark.range(0, 1, 1, 1).mapInArrow(sleep_on, "id long")
        survived.append(len(slow.collect()))

    def sleep_on(batches):
        import time

        for batch in batches:
            time.sleep(5)
            yield batch

    thread = threading.Thread(target=query)
    thread.start()
    time.sleep(1)
    trials = hyperbridge.SparkTrials(parallelism=2)
    search(lambda p: time.sleep(60), trials, max_evals=4, timeout=2)
    thread.join()
    report("tags", left=sorted(spark.getTags()), survived=survived, states=states(trials))
    spark.clearTags()


def interrupted_by_the_user():
    """The user's tag is on the trials' operations: interrupting it cancels them."""
    spark.addTag("stop-me")
    folder = os.path.join(os.getcwd(), "running")
    os.mkdir(folder)

    def slow(point):
        with open(os.path.join(folder, str(point["x"])), "w"):
            time.sleep(60)

    def interrupt():
        wait_for(lambda: len(os.listdir(folder)) == 2, 60)
        spark.interruptTag("stop-me")

    thread = threading.Thread(target=interrupt)
    thread.start()
    trials = hyperbridge.SparkTrials(parallelism=2)
    started = time.monotonic()
    search(slow, trials, max_evals=2)
    thread.join()
    spark.clearTags()
    report(
        "interrupted by the user",
        states=states(trials),
        errors=[d["misc"]["error"][1].strip() for d in trials._dynamic_trials],
        seconds=time.monotonic() - started,
    )


def refused_profile():
    from pyspark.resource import ResourceProfileBuilder, TaskResourceRequests

    profile = ResourceProfileBuilder().require(TaskResourceRequests().cpus(2)).build
    trials = hyperbridge.SparkTrials(resource_profile=profile)
    try:
        search(lambda p: 0.0, trials, max_evals=2)
    except HyperbridgeError as exc:
        report("resource profile", kind=type(exc).__name__, text=str(exc), n=len(trials))


def shared_python_process():
    trials = hyperbridge.SparkTrials(parallelism=1)
    search(lambda p: {"loss": 0, "status": "ok", "pid": os.getpid()}, trials, max_evals=6)
    report("reuse", processes=len({r["pid"] for r in trials.results}))


def tracked():
    mlflow.set_tracking_uri(f"sqlite:///{os.getcwd()}/mlflow.db")
    experiment = mlflow.set_experiment("connect").experiment_id

    def logging_objective(point):
        import mlflow

        mlflow.log_metric("inside", point["x"])
        with mlflow.start_run(nested=True):
            mlflow.log_param("deeper", 1)
        return objective(point)

    trials = hyperbridge.SparkTrials(parallelism=2)
    with mlflow.start_run() as parent:
        search(logging_objective, trials, max_evals=8, tracking=True)
    found = mlflow.MlflowClient().search_runs([experiment], "tags.`mlflow.parentRunId` != ''")
    report(
        "tracked",
        statuses=sorted(run.info.status for run in found),
        inside=all(run.data.metrics["inside"] == float(run.data.params["x"]) for run in found),
        parents=[run.data.tags["mlflow.parentRunId"] == parent.info.run_id for run in found],
        deeper=[run.data.params.get("deeper") for run in found],
        expected=sorted({2: "FINISHED", 3: "FAILED"}[s] for s in states(trials)),
        backend=mlflow.get_run(parent.info.run_id).data.tags["hyperbridge.backend"],
    )


def from_another_thread():
    """A thread of the user's has no active session of its own, only the default one."""
    trials = hyperbridge.SparkTrials(parallelism=2)
    thread = threading.Thread(target=lambda: search(objective, trials, max_evals=4))
    thread.start()
    thread.join()
    report("another thread", n=len(trials._dynamic_trials), threads=our_threads())


def driver_only():
    """PySpark pickles a Connect session; it is only of no use on a worker."""
    trials = hyperbridge.SparkTrials(parallelism=2)
    search(lambda p: spark.range(3).count(), trials, max_evals=2)
    errors = [d["misc"]["error"][1] for d in trials._dynamic_trials]
    report("driver only", states=states(trials), errors=errors)


def stopped():
    spark.stop()
    trials = hyperbridge.SparkTrials(parallelism=2, spark_session=spark)
    try:
        search(objective, trials, max_evals=2, space={"x": hp.uniform("x", 0, 1)})
    except HyperbridgeError as exc:
        report("stopped", kind=type(exc).__name__, text=str(exc))


attributes()
same_as_local()
tags()
interrupted_by_the_user()
refused_profile()
shared_python_process()
tracked()
from_another_thread()
driver_only()
stopped()
