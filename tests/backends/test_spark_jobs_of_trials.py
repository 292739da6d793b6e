"""What the Spark backend alone must keep: jobs, workers, properties, shipping."""

from __future__ import annotations

import functools
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
import pytest
from hyperopt import anneal, rand, tpe
from hyperopt.base import JOB_STATE_CANCEL
from spark_space import SPACE

from hyperbridge.backends.spark import Spark
from hyperbridge.errors import (
    InvalidArgumentError,
    UnsupportedArgumentError,
)
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials


def loss(p: Any) -> float:
    return float(p["x"] ** 2 + (3 if p["kind"] == "a" else p["kind"]))


@pytest.mark.parametrize(
    "algo",
    [functools.partial(tpe.suggest, n_startup_jobs=5), rand.suggest, anneal.suggest],
    ids=["tpe", "rand", "anneal"],
)
def test_parallelism_1_gives_the_trials_of_hyperopt_bit_for_bit(search: Any, algo: Any) -> None:
    ours, theirs = Trials(), hyperopt.Trials()
    mine = search(
        lambda p: float(p["x"] ** 2 + (3 if p["kind"] == "a" else p["kind"])),
        algo=algo, trials=ours, parallelism=1, max_evals=12,
    )  # fmt: skip
    other = hyperopt.fmin(
        loss, SPACE, algo=algo, trials=theirs, max_evals=12, verbose=False,
        rstate=np.random.default_rng(0),
    )  # fmt: skip
    assert repr(mine) == repr(other)
    assert repr(ours.losses()) == repr(theirs.losses())
    for one, two in zip(ours.trials, theirs.trials, strict=True):
        assert repr({k: v for k, v in one.items() if not k.endswith("_time")}) == repr(
            {k: v for k, v in two.items() if not k.endswith("_time")}
        )


def test_the_sessions_local_properties_are_left_as_found(search: Any, spark: Any) -> None:
    context = spark.sparkContext
    context.setJobGroup("mine", "my work", True)
    context.addJobTag("my-tag")
    try:
        names = ["spark.jobGroup.id", "spark.job.description", "spark.job.interruptOnCancel",
                 "spark.job.tags", "spark.scheduler.pool"]  # fmt: skip
        before = [context.getLocalProperty(name) for name in names]
        python = context.pythonExec
        search(lambda p: 0.0)
        assert [context.getLocalProperty(name) for name in names] == before
        assert context.pythonExec == python
        assert context._pickled_broadcast_vars == set() or not list(context._pickled_broadcast_vars)
    finally:
        context.clearJobTags()
        for name in names[:3]:
            context.setLocalProperty(name, None)


def test_trial_jobs_belong_to_the_job_group_of_the_thread_that_called_fmin(
    search: Any, spark: Any
) -> None:
    context = spark.sparkContext

    def run(group: str, n: int) -> None:
        context.setJobGroup(group, group)
        search(lambda p: 0.0, max_evals=n)

    threads = [threading.Thread(target=run, args=(f"group of {n} trials", n)) for n in (3, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for n in (3, 5):
        assert len(context.statusTracker().getJobIdsForGroup(f"group of {n} trials")) == n


def test_trials_share_python_workers_of_the_drivers_python(
    search: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)

    def fn(p: Any) -> Any:
        import os
        import sys

        return {"loss": 0.0, "status": "ok", "pid": os.getpid(), "python": sys.executable}

    trials = Trials()
    search(fn, trials=trials, parallelism=1, max_evals=12)
    # Spark keeps one idle worker a slot and takes turns among them
    assert len({r["pid"] for r in trials.results}) <= 4
    assert {os.path.realpath(r["python"]) for r in trials.results} == {
        os.path.realpath(sys.executable)
    }


def test_what_workers_have_imported_costs_no_garbage_collection_after_each_trial(
    search: Any,
) -> None:
    def fn(p: Any) -> Any:
        import gc
        import os
        import sys
        import types
        import weakref

        class Cycle:
            pass

        kept = sys.modules.setdefault("_cycles_of_trials", types.ModuleType("_cycles_of_trials"))
        cycles = kept.__dict__.setdefault("cycles", weakref.WeakSet())
        alive, looked_at = len(cycles), len(gc.get_objects())
        garbage = Cycle()
        garbage.itself = garbage  # type: ignore[attr-defined]
        cycles.add(garbage)
        return {"loss": 0.0, "status": "ok", "by": (os.getpid(), alive, looked_at)}

    trials = Trials()
    search(fn, trials=trials, parallelism=1, max_evals=12)
    by_process: dict[int, list[tuple[int, int]]] = {}
    for result in trials.results:
        pid, alive, looked_at = result["by"]
        by_process.setdefault(pid, []).append((alive, looked_at))
    later = [found for all_found in by_process.values() for found in all_found[1:]]
    assert later
    assert max(alive for alive, _ in later) == 0, "the garbage of trials is not collected"
    assert max(looked_at for _, looked_at in later) < 5_000  # 30,000 in a new worker


def test_a_large_objective_is_shipped_once_per_run(
    search: Any, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = np.random.default_rng(0).random(2_500_000)  # 20 MB
    context = spark.sparkContext
    shipped: list[int] = []
    broadcast = context.broadcast

    def counting(value: Any) -> Any:
        # PySpark broadcasts a task that is larger than a megabyte, too
        shipped.append(len(value))
        return broadcast(value)

    monkeypatch.setattr(context, "broadcast", counting)
    trials = Trials()
    search(lambda p: float(data.sum()), trials=trials, max_evals=4)
    assert trials.losses() == [float(data.sum())] * 4
    assert len(shipped) == 1
    assert 20_000_000 < shipped[0] < 21_000_000


def test_a_broadcast_variable_of_the_users_works_inside_the_objective(
    search: Any, spark: Any
) -> None:
    table = spark.sparkContext.broadcast({"offset": 10.0})
    trials = Trials()
    search(lambda p: p["x"] + table.value["offset"], trials=trials)
    assert trials.losses() == [d["misc"]["vals"]["x"][0] + 10.0 for d in trials.trials]


@pytest.mark.parametrize("asked", [None, -1, 0])
def test_spark_trials_without_a_positive_parallelism_use_all_slots_and_say_so(
    spark: Any, asked: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    trials = SparkTrials(parallelism=asked, spark_session=spark)
    assert trials.parallelism == 4
    assert "number of available Spark task slots" in caplog.text
    assert trials.user_specified_parallelism == asked


def test_a_larger_parallelism_than_the_cluster_is_reduced_with_a_warning(
    search: Any, caplog: pytest.LogCaptureFixture
) -> None:
    trials = SparkTrials(parallelism=9)
    with caplog.at_level(logging.WARNING):
        search(lambda p: 0.0, trials=trials, parallelism=None, max_evals=4)
    assert trials.parallelism == 4
    assert "Parallelism 9 is more than the 4 task slots" in caplog.text
    assert "the search is random" in caplog.text


def test_a_local_master_stays_as_it_is_and_says_so(
    search: Any, spark: Any, caplog: pytest.LogCaptureFixture
) -> None:
    trials = SparkTrials(parallelism=9)
    with caplog.at_level(logging.WARNING):
        search(lambda p: 0.0, trials=trials, backend=Spark(session=spark, elastic=True))
    assert trials.parallelism == 2
    assert "Spark(elastic=True): the master is local[4]" in caplog.text


@pytest.mark.parametrize("trials_or_backend", ["SparkTrials", "Spark"])
def test_a_resource_profile_is_refused_by_name_where_there_is_none(
    search: Any, spark: Any, trials_or_backend: str
) -> None:
    from pyspark.resource import ResourceProfileBuilder, TaskResourceRequests

    requests = TaskResourceRequests().cpus(2)
    profile = ResourceProfileBuilder().require(requests).build
    arguments = (
        {"trials": SparkTrials(resource_profile=profile)}
        if trials_or_backend == "SparkTrials"
        else {"backend": Spark(session=spark, resource_profile=profile)}
    )
    with pytest.raises(UnsupportedArgumentError, match=r"local\[4\] refuses the resource_profile"):
        search(lambda p: 0.0, **arguments)


def test_what_is_no_resource_profile_is_refused_by_name(search: Any, spark: Any) -> None:
    from pyspark.resource import ResourceProfileBuilder

    with pytest.raises(InvalidArgumentError, match="resource_profile must be .*got .*Builder"):
        search(lambda p: 0.0, trials=SparkTrials(resource_profile=ResourceProfileBuilder()))


def test_no_more_trials_run_at_once_than_parallelism_says(search: Any) -> None:
    def fn(p: Any) -> Any:
        import time

        start = time.time()
        time.sleep(0.1)
        return {"loss": 0.0, "status": "ok", "span": (start, time.time())}

    trials = Trials()
    search(fn, trials=trials, max_evals=6, parallelism=2)
    spans = [r["span"] for r in trials.results]
    for start, _ in spans:
        assert sum(a <= start < b for a, b in spans) <= 2


def test_after_a_timeout_no_job_runs_and_sleeping_workers_are_killed(
    search: Any, spark: Any, tmp_path: Path
) -> None:
    folder = str(tmp_path)

    def fn(p: Any) -> float:
        import os
        import time

        open(os.path.join(folder, str(os.getpid())), "w").close()
        time.sleep(60)
        return 0.0

    trials = SparkTrials()
    assert search(fn, trials=trials, timeout=3, return_argmin=False) is None
    assert spark.sparkContext.statusTracker().getActiveJobsIds() == []
    assert {d["state"] for d in trials._dynamic_trials} == {JOB_STATE_CANCEL}
    pids = [int(path.name) for path in tmp_path.iterdir()]
    assert pids
    deadline = time.monotonic() + 15
    while any(os.path.exists(f"/proc/{pid}") for pid in pids):
        assert time.monotonic() < deadline, "workers of cancelled trials still run"
        time.sleep(0.1)


def test_a_timeout_of_one_search_does_not_cancel_the_trials_of_another(search: Any) -> None:
    def sleep(seconds: float) -> Any:
        def fn(p: Any) -> float:
            import time

            time.sleep(seconds)
            return float(p["x"])

        return fn

    doomed, other = SparkTrials(), SparkTrials()
    thread = threading.Thread(
        target=search, args=(sleep(60),),
        kwargs={"trials": doomed, "timeout": 2, "return_argmin": False},
    )  # fmt: skip
    thread.start()
    search(sleep(1.5), trials=other, max_evals=4)
    thread.join(30)
    assert not thread.is_alive()
    assert doomed.count_successful_trials() == 0
    assert doomed.count_cancelled_trials() >= 1
    assert other.count_successful_trials() == 4


def test_many_calls_leave_no_connection_to_the_jvm_open(search: Any, spark: Any) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    search(lambda p: 0.0, max_evals=2)
    before = descriptors()
    for _ in range(6):
        search(lambda p: 0.0, max_evals=2)
    assert descriptors() <= before + 3
