"""What can go wrong, or be asked for, on a cluster with real executors; on one kind of session."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time

import joining
import mlflow
from harness import beating_objective, open_session, our_threads, report, search, states, wait_for

import hyperbridge

kind = sys.argv[1]
GPUS = ["3", "5"]  # what a worker's discovery script finds: Spark only counts and hands them out
with open("find-gpus.sh", "w") as script:
    script.write(f"#!/bin/sh\necho '{json.dumps({'name': 'gpu', 'addresses': GPUS})}'\n")
os.chmod("find-gpus.sh", 0o755)
spark = open_session(
    kind,
    spark__worker__resource__gpu__amount="2",
    spark__worker__resource__gpu__discoveryScript=os.path.abspath("find-gpus.sh"),
    spark__executor__resource__gpu__amount="2",
)
is_connect = kind.startswith("connect:")
store = f"sqlite:///{os.getcwd()}/mlflow.db"
mlflow.set_tracking_uri(store)


def runs_of(experiment):
    """Return status, trial, attempt and logged metrics of each child run."""
    client = mlflow.MlflowClient()
    found = client.search_runs([experiment], "tags.`mlflow.parentRunId` != ''")
    return [
        (
            run.info.status,
            run.data.tags["hyperbridge.tid"],
            int(run.data.tags.get("hyperbridge.attempt", "1")),
            sorted(run.data.metrics),
        )
        for run in found
    ]


def kill_in_the_middle(name, whom, times):
    """Kill the process that one trial names while others run, in each of its first attempts."""
    folder = os.path.join(os.getcwd(), name)
    os.mkdir(folder)
    experiment = mlflow.set_experiment(name).experiment_id

    def objective(point):
        import os
        import subprocess
        import time

        import mlflow

        with open(os.path.join(folder, f"ran-{point['x']}"), "a") as file:
            file.write("x")
        n_runs = os.path.getsize(file.name)
        if n_runs == 1:
            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.join(folder, "victim"))
                open(os.path.join(folder, f"victim-{point['x']}"), "w").close()
        mlflow.log_metric(f"inside_{n_runs}", point["x"])
        if os.path.exists(os.path.join(folder, f"victim-{point['x']}")) and n_runs <= times:
            if n_runs > 1:  # what was lost with it, and started again with it, is over then
                time.sleep(3)
            daemon = os.getppid()
            line = subprocess.run(["ps", "-o", "ppid=", "-p", str(daemon)], capture_output=True)
            named = {"worker": os.getpid(), "executor": int(line.stdout)}[whom]
            with open(os.path.join(folder, "pid.part"), "w") as file:
                file.write(str(named))
            os.rename(os.path.join(folder, "pid.part"), os.path.join(folder, f"pid-{n_runs}"))
            time.sleep(120)
        time.sleep(0.5)
        return point["x"] ** 2

    def kill():
        for n in range(1, times + 1):
            path = os.path.join(folder, f"pid-{n}")
            if wait_for(lambda path=path: os.path.exists(path), 60):
                with open(path) as file:
                    os.kill(int(file.read()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    MESSAGES.clear()
    trials = hyperbridge.SparkTrials(parallelism=3)
    backend = hyperbridge.Spark(session=spark, retries=times)
    search(objective, trials, max_evals=10, tracking=True, backend=backend)
    killer.join()
    starts = [message for message in MESSAGES if "is started again" in message]
    counts = [
        os.path.getsize(os.path.join(folder, n)) for n in os.listdir(folder) if n[:4] == "ran-"
    ]
    report(
        name,
        states=states(trials),
        tids=[d["tid"] for d in trials._dynamic_trials],
        losses_fit=all(
            d["result"]["loss"] == d["misc"]["vals"]["x"][0] ** 2 for d in trials.trials
        ),
        executions=sorted(counts),
        attempts=max(d["misc"].get("attempts", 1) for d in trials._dynamic_trials),
        runs=runs_of(experiment),
        threads=our_threads(),
        starts=starts,
    )
    MESSAGES.clear()


def memory_in_use():
    status = spark.sparkContext._jsc.sc().getExecutorMemoryStatus()
    iterator, used = status.iterator(), 0
    while iterator.hasNext():
        entry = iterator.next()._2()
        used += entry._1() - entry._2()
    return used / 1e6


class Ballast:
    """50 MB that notes how often it is pickled."""

    pickled = 0

    def __init__(self):
        self.data = os.urandom(50_000_000)

    def __getstate__(self):
        type(self).pickled += 1
        return {"data": self.data}


def ship_50_mb():
    ballast = Ballast()
    sizes: list[int] = []
    uploads: list[float] = []
    if is_connect:
        original = spark.addArtifacts

        def counted(*paths, **kwargs):
            uploads.extend(os.path.getsize(path) for path in paths)
            return original(*paths, **kwargs)

        spark.addArtifacts = counted

    def after_each(trials, *args):
        if not is_connect:
            sizes.append(memory_in_use())
        return False, args

    before = 0 if is_connect else memory_in_use()
    trials = hyperbridge.SparkTrials(parallelism=2)
    started = time.monotonic()
    search(lambda p: len(ballast.data) + p["x"], trials, max_evals=12, early_stop_fn=after_each)
    seconds = time.monotonic() - started
    if is_connect:
        del spark.addArtifacts
    report(
        "50 MB closure",
        states=states(trials),
        pickled=Ballast.pickled,
        uploads=uploads,
        memory=[size - before for size in sizes],
        released=is_connect or wait_for(lambda: memory_in_use() - before < 40, 30),
        seconds=seconds,
    )


def return_20_mb():
    def objective(point):
        import os

        return {"loss": point["x"], "status": "ok", "model": os.urandom(20_000_000)}

    trials = hyperbridge.SparkTrials(parallelism=2)
    search(objective, trials, max_evals=4)
    report(
        "20 MB model",
        sizes=[len(d["result"]["model"]) for d in trials.trials],
        distinct=len({d["result"]["model"] for d in trials.trials}),
    )


def two_threads():
    """One search is stopped by its timeout while the other goes on."""
    outcome = {}
    folder = os.path.join(os.getcwd(), "two")
    os.mkdir(folder)

    def stopped():
        trials = hyperbridge.SparkTrials(parallelism=1)
        search(beating_objective(folder), trials, max_evals=4, timeout=4)
        outcome["stopped"] = states(trials)

    def slow(point):
        time.sleep(0.7)
        return point["x"]

    def steady():
        trials = hyperbridge.SparkTrials(parallelism=2)
        wait_for(lambda: os.listdir(folder), 60)
        search(slow, trials, max_evals=14)
        outcome["steady"] = states(trials)

    threads = [threading.Thread(target=target) for target in (stopped, steady)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report("two threads", **outcome, threads=our_threads())


def group_and_broadcast():
    """Only on a classic session."""
    context = spark.sparkContext
    context.setJobGroup("the user's", "what the user says")
    context.setLocalProperty("mine", "kept")
    table = context.broadcast({"offset": 3.0})
    square = lambda v: v * v  # noqa: E731 - a lambda of the user's is what this is about
    trials = hyperbridge.SparkTrials(parallelism=2)
    search(lambda p: square(p["x"]) + table.value["offset"], trials, max_evals=4)
    tracker = context.statusTracker()
    report(
        "job group",
        losses=[d["result"]["loss"] - d["misc"]["vals"]["x"][0] ** 2 for d in trials.trials],
        jobs_in_group=len(tracker.getJobIdsForGroup("the user's")),
        group=context.getLocalProperty("spark.jobGroup.id"),
        description=context.getLocalProperty("spark.job.description"),
        mine=context.getLocalProperty("mine"),
        tags=sorted(context.getJobTags()),
        broadcast_still_works=context.parallelize([0], 1).map(lambda _: table.value).collect(),
    )


def gpus_of_each_trial():
    """Two slots an executor, but a trial that takes both GPUs has an executor to itself."""
    from pyspark.resource import ResourceProfileBuilder, TaskResourceRequests

    def objective(point):
        import time

        from pyspark import TaskContext

        begun = time.time()
        time.sleep(0.3)
        gpus = TaskContext.get().resources()["gpu"].addresses
        return {"loss": 0.0, "status": "ok", "gpus": sorted(gpus), "span": (begun, time.time())}

    if not is_connect:  # slots are counted on executors that are there
        executors = spark.sparkContext._jsc.sc().getExecutorMemoryStatus
        wait_for(lambda: executors().size() == 3, 60)  # the driver is one of them
    found = {}
    for amount in (1, 2):
        requests = TaskResourceRequests().cpus(1).resource("gpu", amount)
        profile = ResourceProfileBuilder().require(requests).build
        trials = hyperbridge.SparkTrials(resource_profile=profile)
        search(objective, trials, max_evals=6)
        spans = [result["span"] for result in trials.results]
        found[f"{amount} GPU"] = {
            "slots": trials.parallelism,
            "gpus": [result["gpus"] for result in trials.results],
            "at_once": max(sum(a <= begun < b for a, b in spans) for begun, _ in spans),
        }
    report("resource profile", known=GPUS, **found)


def crash_each_time():
    """An objective that ends its worker each time that it is started."""
    found = {}
    for retries in (0, 1):
        folder = os.path.join(os.getcwd(), f"starts-{retries}")
        os.mkdir(folder)

        def objective(point, folder=folder):
            import os
            import uuid

            if point["x"] > 0.5:
                return point["x"]
            open(os.path.join(folder, uuid.uuid4().hex), "w").close()
            os._exit(1)

        trials = hyperbridge.SparkTrials(parallelism=1)
        search(
            objective,
            trials,
            max_evals=0,
            points_to_evaluate=[{"x": 1.0, "kind": 1}, {"x": 0.0, "kind": 1}],
            backend=hyperbridge.Spark(session=spark, retries=retries),
        )
        found[retries] = {
            "states": states(trials),
            "n_starts": len(os.listdir(folder)),
            "error": trials._dynamic_trials[1]["misc"]["error"],
        }
    report("crash", **{f"retries={retries}": facts for retries, facts in found.items()})


def module_of_ones_own():
    """An objective in a module beside the program, which executors do not have."""
    folder = os.path.join(os.getcwd(), "only_here")
    os.mkdir(folder)
    with open(os.path.join(folder, "own_module.py"), "w") as file:
        file.write(OWN_MODULE)
    sys.path.insert(0, folder)
    import own_module

    trials = hyperbridge.SparkTrials(parallelism=2)
    search(own_module.objective, trials, max_evals=3)
    report(
        "own module",
        states=states(trials),
        errors=[d["misc"].get("error") for d in trials._dynamic_trials],
        is_same_class=all(type(r["box"]) is own_module.Box for r in trials.results),
    )


OWN_MODULE = """
class Box:
    def __init__(self, value):
        self.value = value

def boxed(point):
    return Box(point["x"])

def objective(point):
    return {"loss": boxed(point).value, "status": "ok", "box": boxed(point)}
"""

MESSAGES: list[str] = []


class Collector(logging.Handler):
    def emit(self, record):
        MESSAGES.append(record.getMessage())


handler = Collector()
own_logger = logging.getLogger("hyperbridge")
own_logger.addHandler(handler)
own_logger.setLevel(logging.WARNING)  # the harness keeps it quiet
own_logger.propagate = False

gpus_of_each_trial()
crash_each_time()
module_of_ones_own()
kill_in_the_middle("worker", "worker", 1)
kill_in_the_middle("executor", "executor", 3)
ship_50_mb()
return_20_mb()
two_threads()
if not is_connect:
    group_and_broadcast()
    joining.follow_a_worker(spark)
spark.stop()
