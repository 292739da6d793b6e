"""How long after its time limit a hanging trial ends, on each backend that can stop one.

Trials that hang in three ways and good ones take turns in one slot: one sleeps and catches every
exception, one is inside of a C function that holds Python's lock, one computes in a regular
expression for ever and ignores SIGTERM. Printed for each backend, in seconds: from the limit, which
counts from the objective's first statement, to the end of the trial in its document, and to the
first statement of the trial after it (on Ray a new process starts in between). The goal: a trial
ends within 2 s of its limit. Then, what the limit costs a trial that does nothing.

    python benchmarks/trial_timeout.py                        # about 4 minutes on a free machine
    python benchmarks/trial_timeout.py --backends spark ray
"""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timezone
from pathlib import Path
from typing import Any

import numpy as np
from hyperopt import hp, rand

import hyperbridge

LIMIT_S = 3.0
WAYS = {-1.0: "sleeps", -2.0: "holds the lock", -3.0: "computes"}
SPACE = hp.uniform("x", -5, 5)


def spark_session(*, connect: bool) -> Any:
    from pyspark.sql import SparkSession

    os.environ.update(SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)
    if connect:
        os.environ["SPARK_TESTING"] = "1"  # the server takes any free port
    builder = (
        SparkSession.builder.config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.connect.grpc.binding.address", "127.0.0.1")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "OFF")
    )
    builder = builder.remote("local[2]") if connect else builder.master("local[2]")
    return builder.getOrCreate()


def make_backend(name: str, folder: str) -> Any:
    if name == "processes":
        return hyperbridge.Local(workers="processes")
    if name == "optuna":
        return hyperbridge.Optuna(workers="processes")
    if name in ("spark", "connect"):
        return hyperbridge.Spark(session=spark_session(connect=name == "connect"))
    import ray
    from ray.tune import RunConfig

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    return hyperbridge.Ray(run_config=RunConfig(storage_path=folder))


def search(backend: Any, fn: Any, **kwargs: Any) -> hyperbridge.Trials:
    trials = hyperbridge.Trials()
    hyperbridge.fmin(
        fn, SPACE, algo=rand.suggest, trials=trials, backend=backend, parallelism=1,
        rstate=np.random.default_rng(0), tracking=False, show_progressbar=False, **kwargs,
    )  # fmt: skip
    return trials


def hang(backend: Any, folder: str, repetitions: int) -> None:
    """Print how long after its limit each hanging trial ended."""

    def fn(x: float) -> float:
        import contextlib
        import ctypes
        import re
        import signal
        import time

        with open(os.path.join(folder, f"{x}-{time.time()}"), "w"):
            pass
        if x < 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while x < 0:
            with contextlib.suppress(BaseException):
                if int(x) == -2:
                    ctypes.PyDLL(None).sleep(600)
                elif int(x) == -3:
                    re.match("(a*)*$", "a" * 60 + "b")
                else:
                    time.sleep(600)
        return x

    ways = list(WAYS) * repetitions
    points = [{"x": x} for n, way in enumerate(ways) for x in (way - n / 1000, 2 + n / 1000)]
    points = [{"x": 1.0}, *points]
    trials = search(backend, fn, max_evals=0, points_to_evaluate=points, trial_timeout=LIMIT_S)
    begun = {
        float(name.rpartition("-")[0]): float(name.rpartition("-")[2])
        for name in os.listdir(folder)
        if name.count(".") == 2
    }
    ended: dict[str, list[float]] = {}
    followed: list[float] = []
    documents = trials._dynamic_trials
    for document, next_one in itertools.pairwise(documents):
        x, after = (each["misc"]["vals"]["x"][0] for each in (document, next_one))
        if x > 0:
            assert document["result"]["status"] == "ok"
            continue
        assert "TrialTimeoutError" in document["misc"]["error"][0]
        end = document["refresh_time"].replace(tzinfo=timezone.utc).timestamp()
        ended.setdefault(WAYS[float(int(x))], []).append(end - begun[x] - LIMIT_S)
        followed.append(begun[after] - begun[x] - LIMIT_S)
    for way, seconds in ended.items():
        shown = " ".join(f"{each:5.2f}" for each in seconds)
        print(f"  {way:15} ends {shown} s after its limit", flush=True)
    shown = " ".join(f"{each:5.2f}" for each in sorted(followed))
    print(f"  the next trial begins {shown} s after it", flush=True)


def cost(backend: Any, n: int) -> None:
    """Print what a trial costs with a limit, and without one."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for is_limited in (False, True, False, True):
        limit = {"trial_timeout": 600.0} if is_limited else {}
        search(backend, lambda x: x, max_evals=3, **limit)
        started = time.perf_counter()
        search(backend, lambda x: x, max_evals=n, **limit)
        found[is_limited].append((time.perf_counter() - started) / n * 1000)
    means = {is_limited: statistics.mean(each) for is_limited, each in found.items()}
    print(
        f"  {means[False]:.1f} ms a trial without a limit, {means[True]:.1f} with one", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ["processes", "optuna", "spark", "connect", "ray"]
    parser.add_argument("--backends", nargs="*", default=names, choices=names)
    parser.add_argument("--repetitions", type=int, default=2)
    parser.add_argument("--trials", type=int, default=100, help="for the cost of a limit")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    logging.getLogger("hyperbridge").setLevel(logging.CRITICAL)
    if not arguments.here:  # a process of its own for each engine
        for name in arguments.backends:
            print(name, flush=True)
            command = [sys.executable, __file__, "--here", "--backends", name]
            command += ["--repetitions", str(arguments.repetitions)]
            subprocess.run([*command, "--trials", str(arguments.trials)], check=True)
        return
    (name,) = arguments.backends
    with tempfile.TemporaryDirectory() as folder:
        backend = make_backend(name, folder)
        begun = Path(folder, "begun")
        begun.mkdir()
        hang(backend, str(begun), arguments.repetitions)
        cost(backend, arguments.trials if name != "ray" else arguments.trials // 5)


if __name__ == "__main__":
    main()
