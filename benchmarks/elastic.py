"""Elastic searches: how soon a worker that joins has a trial, and what trials in line cost.

``joins`` starts a standalone Spark master and a worker on the loopback address, searches with
``Spark(elastic=True)``, starts a second worker in mid-search, and prints the seconds from its
registration with the master: to that of its executor with the driver (the start of a JVM), until
Spark has given it a trial, and until one runs there and on all its slots (the start of a Python).
The goal: a trial within 5 s. Then the second worker leaves.

``grows`` searches with Spark's dynamic allocation, which begins with one executor of one core and
may have four, and prints when there were how many. Only trials in line make it ask for more.

``line`` compares, without an engine, the regret of hyperopt's TPE with so many trials in line as
there are slots, and without any; each trial takes 0.5 to 1.5 units of time.

    python benchmarks/elastic.py joins --repetitions 5    # about 3 minutes
    python benchmarks/elastic.py grows                    # about a minute
    python benchmarks/elastic.py line --seeds 100         # about 3 minutes
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import logging
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hyperopt import hp, rand, tpe
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_ERROR
from quality_problems import PROBLEMS, Problem

import hyperbridge
from hyperbridge.documents import Outcome, Trial
from hyperbridge.run.capacity import Capacity
from hyperbridge.run.limits import Limits
from hyperbridge.run.objective import Objective
from hyperbridge.run.run import FminRun
from hyperbridge.run.trial_log import TrialLog
from hyperbridge.search.choice import make_search
from hyperbridge.search.hyperopt_algo import seed_source

SLOTS = 2
SECONDS = 0.5
PATIENCE_S = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Daemon:
    """A Spark master or worker, in a process of its own.

    Args:
        kind: ``master.Master`` or ``worker.Worker``.
        folder: Where it runs.
        ready: What its log says when it is there.
        arguments: Its own.
    """

    def __init__(self, kind: str, folder: Path, ready: str, *arguments: str) -> None:
        import pyspark

        folder.mkdir()
        command = [str(Path(pyspark.__file__).parent / "bin" / "spark-class")]
        self.ready_at = 0.0
        self._is_ready = threading.Event()
        self._process = subprocess.Popen(
            [*command, f"org.apache.spark.deploy.{kind}", *arguments],
            cwd=folder, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_WORKER_DIR": str(folder)},
        )  # fmt: skip
        threading.Thread(target=self._read, args=[ready], daemon=True).start()
        if not self._is_ready.wait(PATIENCE_S):
            self.stop()
            raise TimeoutError(f"{kind} has not started")

    def _read(self, ready: str) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if re.search(ready, line) and not self._is_ready.is_set():
                self.ready_at = time.time()
                self._is_ready.set()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def start_worker(folder: Path, master: str, cores: int = SLOTS) -> Daemon:
    return Daemon(
        "worker.Worker", folder, "registered with master",
        "--host", "127.0.0.1", "--webui-port", "0", "--cores", str(cores), "--memory", "3g", master,
    )  # fmt: skip


@contextlib.contextmanager
def cluster(
    folder: Path, cores: int = SLOTS, settings: dict[str, str] | None = None
) -> Iterator[tuple[str, Any]]:
    """A master with one worker, and a session on it."""
    from pyspark.sql import SparkSession

    port = free_port()
    master = f"spark://127.0.0.1:{port}"
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
    with contextlib.ExitStack() as stack:
        there = Daemon("master.Master", folder / "master", "New state: ALIVE", *arguments)
        stack.callback(there.stop)
        stack.callback(start_worker(folder / "first", master, cores).stop)
        builder = (
            SparkSession.builder.master(master)
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.executor.memory", "512m")
            .config("spark.log.level", "OFF")
        )
        for name, value in (settings or {}).items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        stack.callback(session.stop)
        yield master, session


def objective(x: float) -> dict[str, Any]:
    begun = time.time()
    time.sleep(SECONDS)
    return {"loss": x * x, "status": "ok", "begun": begun, "where": os.getcwd()}


objective.__module__ = "__main__"


def last_executor(session: Any) -> tuple[float, float]:
    """When the executor that joined last was registered, and when it was given its first task."""
    store = session.sparkContext._jsc.sc().statusStore()
    found = store.executorList(False)
    executors = [found.apply(i) for i in range(found.size())]
    last = max(executors, key=lambda executor: executor.addTime().getTime())
    stages = max(session.sparkContext.statusTracker().getActiveStageIds())
    tasks = (store.taskList(stage, 0, 1) for stage in range(stages + 1))
    its = [t.apply(0) for t in tasks if t.size() and t.apply(0).executorId() == last.id()]
    return last.addTime().getTime() / 1000, min(t.launchTime().getTime() for t in its) / 1000


@contextlib.contextmanager
def sizes_noted() -> Iterator[list[tuple[float, Capacity]]]:
    """Note when a search has which capacity."""
    sizes: list[tuple[float, Capacity]] = []
    resize = FminRun.resize

    def noting(run: FminRun, capacity: Capacity) -> None:
        if not sizes or sizes[-1][1] != capacity:
            sizes.append((time.time(), capacity))
        resize(run, capacity)

    FminRun.resize = noting  # type: ignore[method-assign]
    try:
        yield sizes
    finally:
        FminRun.resize = resize  # type: ignore[method-assign]


def text_of(sizes: list[tuple[float, Capacity]], since: float) -> str:
    said = (f"{at - since:+.1f} s: {size.parallelism}+{size.in_line}" for at, size in sizes)
    return f"running + in line: {', '.join(said)}"


def search(
    session: Any, trials: Any, is_over: threading.Event, *, parallelism: int, elastic: bool | None
) -> None:
    hyperbridge.fmin(
        objective, hp.uniform("x", -5, 5), algo=rand.suggest, timeout=5 * PATIENCE_S, trials=trials,
        early_stop_fn=lambda trials, *args: (is_over.is_set(), args), parallelism=parallelism,
        backend=hyperbridge.Spark(session=session, elastic=elastic), tracking=False,
        rstate=np.random.default_rng(0), show_progressbar=False,
    )  # fmt: skip


def grows() -> None:
    most = 4
    settings = {
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.minExecutors": "1",
        "spark.dynamicAllocation.maxExecutors": str(most),
        "spark.executor.cores": "1",
    }
    with (
        tempfile.TemporaryDirectory(prefix="hyperbridge-elastic-") as name,
        cluster(Path(name), most, settings) as (_, session),
        sizes_noted() as sizes,
    ):
        trials, is_over = hyperbridge.Trials(), threading.Event()

        def await_size() -> None:
            wait_for(lambda: bool(sizes) and sizes[-1][1].parallelism == most)
            is_over.set()

        threading.Thread(target=await_size).start()
        began = time.time()
        search(session, trials, is_over, parallelism=16, elastic=None)
    print(f"{len(trials.trials)} trials; {text_of(sizes, began)}")


def join(number: int, folder: Path, master: str, session: Any) -> tuple[float, ...]:
    """Search while a worker joins and leaves; return the seconds from its registration."""
    name = f"second-{number}"
    is_over = threading.Event()
    facts: dict[str, Any] = {}
    trials = hyperbridge.Trials()

    def there() -> list[float]:
        results = [document["result"] for document in list(trials._dynamic_trials)]
        return sorted(r["begun"] for r in results if name in r.get("where", ""))

    def come_and_go() -> None:
        wait_for(lambda: len(trials._dynamic_trials) > 4 * SLOTS)
        worker = start_worker(folder / name, master)
        wait_for(lambda: len(there()) >= 4 * SLOTS)
        facts.update(registered=worker.ready_at, executor=last_executor(session))
        worker.stop()
        wait_for(lambda: sizes[-1][1].parallelism == SLOTS)
        is_over.set()

    with sizes_noted() as sizes:
        thread = threading.Thread(target=come_and_go)
        thread.start()
        search(session, trials, is_over, parallelism=16, elastic=True)
        thread.join()
    registered, (added, given), begun = facts["registered"], facts["executor"], there()
    states = [document["state"] for document in trials._dynamic_trials]
    print(
        f"  {states.count(JOB_STATE_DONE)} trials, {len(begun)} of them there, "
        f"{states.count(JOB_STATE_ERROR)} lost; {text_of(sizes, registered)}",
        flush=True,
    )
    return added - registered, given - added, begun[0] - added, begun[SLOTS - 1] - added


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 2 * PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


def joins(repetitions: int) -> None:
    with tempfile.TemporaryDirectory(prefix="hyperbridge-elastic-") as name:
        folder = Path(name)
        with cluster(folder) as (master, session):
            rows = [join(number, folder, master, session) for number in range(repetitions)]
    print(f"{'seconds, median and worst of ' + str(repetitions):56}{'median':>8}{'worst':>8}  goal")
    titles = (
        ("from a worker's registration to its executor's", ""),
        ("from then until Spark has given it a trial", ""),
        ("from then until the trial runs", "5"),
        (f"from then until each of its {SLOTS} slots has one", "5"),
    )
    for (title, goal), column in zip(titles, zip(*rows, strict=True), strict=True):
        print(f"{title:56}{statistics.median(column):8.2f}{max(column):8.2f}  {goal}")


def regret(problem: Problem, seed: int, slots: int, in_line: int, n: int) -> float:
    """The best loss, minus the optimum, of a search in made-up time."""
    trials = hyperbridge.Trials()
    read = Objective(problem.fn, problem.space, None)
    seeds = seed_source(np.random.default_rng(seed))
    run = FminRun(
        log=TrialLog(trials), search=make_search(tpe.suggest, read, trials, seeds, backend="local"),
        limits=Limits(max_evals=n), capacity=slots + in_line, in_line=in_line, tolerant=True,
        spark_trials=False,
    )  # fmt: skip
    durations = np.random.default_rng(1000 + seed)
    waiting: deque[Trial] = deque()
    running: list[tuple[float, int, Trial]] = []
    now, best = 0.0, float("inf")
    while True:
        while len(running) + len(waiting) < run.capacity and (trial := run.ask()) is not None:
            waiting.append(trial)
        while waiting and len(running) < slots:
            trial = waiting.popleft()
            heapq.heappush(running, (now + durations.uniform(0.5, 1.5), trial.tid, trial))
        if not running:
            return float(best - problem.optimum)
        now, _, trial = heapq.heappop(running)
        loss = float(problem.fn(read.space.point(trial.assignment)))
        best = min(best, loss)
        run.tell(trial, Outcome("returned", value=loss))


def line(seeds: int, slots: int, n: int) -> None:
    lengths = (0, 1, slots // 4, slots // 2, slots, 2 * slots)
    title = f"mean regret, {n} trials on {slots} slots, in line:"
    print(f"{title:48}" + "".join(f"{length:9}" for length in lengths))
    ratios = []
    for problem in PROBLEMS:
        if "held out" in problem.name:
            continue
        means = [
            statistics.fmean(regret(problem, seed, slots, length, n) for seed in range(seeds))
            for length in lengths
        ]
        ratios.append([mean / means[0] for mean in means])
        print(f"{problem.name:48}" + "".join(f"{mean:9.4f}" for mean in means), flush=True)
    together = [statistics.geometric_mean(column) for column in zip(*ratios, strict=True)]
    print(f"{'geometric mean of the ratios':48}" + "".join(f"{ratio:9.2f}" for ratio in together))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["joins", "grows", "line"])
    parser.add_argument("--repetitions", type=int, default=5, help="of joins")
    parser.add_argument("--seeds", type=int, default=100, help="of line")
    parser.add_argument("--slots", type=int, default=8, help="of line")
    parser.add_argument("--trials", type=int, default=100, help="of line")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    if options.part == "joins":
        joins(options.repetitions)
    elif options.part == "grows":
        grows()
    else:
        line(options.seeds, options.slots, options.trials)


if __name__ == "__main__":
    main()
