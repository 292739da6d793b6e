"""The Ray backend against Tuners with Tune's own HyperOptSearch, on an instant objective.

One process, one cluster with num_cpus=4, concurrency 4, no tracking. A Tuner as it comes starts a
process for every trial; it runs fewer trials, and its time is scaled to the others' number.

    python benchmarks/ray_tune.py            # about 5 minutes
    python benchmarks/ray_tune.py --quick    # 40 trials, without the long run

Where the time of a trial goes, as found with a profile of Tune's loop (reuse_actors=True):
TensorBoard's file of a trial is synced to the disk four times inside the loop (about half of the
time, more on a slow disk), the CSV and JSON files take a part of the rest; the registry of
trainables is read from the GCS five times (15 ms); a placement group is made and removed (5 ms).
Tune's own state writing takes at most 5%: it spaces itself out. So the backend passes Tune's three
loggers as callbacks that write on a thread of their own: the same files, out of the loop. "no
loggers" (TUNE_DISABLE_AUTO_CALLBACK_LOGGERS=1) shows what is left without any.
"""

from __future__ import annotations

import argparse
import cProfile
import logging
import os
import pstats
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import ray
from hyperopt import hp, tpe
from ray import tune
from ray.tune.search.hyperopt import HyperOptSearch

import hyperbridge

CONCURRENCY = 4
SPACE = {f"x{i}": hp.uniform(f"x{i}", -5, 5) for i in range(5)}
TUNE_SPACE = {f"x{i}": tune.uniform(-5, 5) for i in range(5)}


def objective(point: dict[str, float]) -> float:
    return sum(value**2 for value in point.values())


def reporting(config: dict[str, float]) -> None:
    tune.report({"loss": objective(config)})


def ours(n: int, folder: str, progress: Any = False) -> None:
    hyperbridge.fmin(
        objective,
        SPACE,
        algo=tpe.suggest,
        max_evals=n,
        backend=hyperbridge.Ray(run_config=tune.RunConfig(storage_path=folder)),
        parallelism=CONCURRENCY,
        tracking=False,
        show_progressbar=progress,
        rstate=np.random.default_rng(0),
    )


def tuner(n: int, folder: str, *, reuse_actors: bool) -> None:
    grid = tune.Tuner(
        reporting,
        param_space=TUNE_SPACE,
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            num_samples=n,
            search_alg=HyperOptSearch(),
            max_concurrent_trials=CONCURRENCY,
            reuse_actors=reuse_actors,
        ),
        run_config=tune.RunConfig(storage_path=folder, verbose=0),
    ).fit()
    assert len(grid) == n
    assert grid.num_errors == 0


def timed(function: Callable[..., None], *args: Any, **kwargs: Any) -> tuple[float, float]:
    """Return seconds of wall time, and of this process's CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    function(*args, **kwargs)
    return time.perf_counter() - wall, time.process_time() - cpu


def report(title: str, n: int, wall: float, cpu: float, note: str = "") -> None:
    print(
        f"{title:44} {n:5d} trials {wall:7.1f} s {1000 * wall / n:8.1f} ms/trial, "
        f"driver CPU {1000 * cpu / n:6.1f} ms/trial {note}",
        flush=True,
    )


def own_share(n: int, folder: str) -> float:
    """Return the share of functions of hyperbridge, search included, in the driver's CPU."""
    profile = cProfile.Profile(time.thread_time)
    profile.runcall(ours, n, folder)
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = sum(entry[2] for entry in stats.values())
    mine = {key for key in stats if f"{os.sep}hyperbridge{os.sep}" in key[0]}
    own = sum(stats[key][2] for key in mine)
    for key, (_, _, own_time, _, callers) in stats.items():
        if key not in mine and f"{os.sep}ray{os.sep}" not in key[0]:
            # a function of a library counts for us as far as we called it
            own += sum(part[2] for caller, part in callers.items() if caller in mine)
        assert own_time >= 0
    return own / total


def pace(n: int, folder: str) -> list[float]:
    """Return the milliseconds per trial of each tenth of a run."""
    ends: list[float] = []

    class Bar:
        postfix = None

        def update(self, count: int) -> None:
            ends.extend([time.perf_counter()] * count)

    import contextlib

    @contextlib.contextmanager
    def factory(initial: int, total: int | None) -> Any:
        yield Bar()

    ours(n, folder, factory)
    tenth = len(ends) // 10
    return [1000 * (ends[i + tenth - 1] - ends[i]) / (tenth - 1) for i in range(0, n, tenth)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer trials, no long run")
    quick = parser.parse_args().quick
    logging.disable(logging.WARNING)
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    sockets = tempfile.mkdtemp(prefix="ray", dir="/tmp")
    folder = tempfile.mkdtemp(prefix="ray-benchmark-")
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _node_ip_address="127.0.0.1",
        _temp_dir=sockets,
    )
    n, n_fresh = (40, 8) if quick else (200, 24)
    ours(4, folder)  # what only the first run of a process pays
    mine = [timed(ours, n, folder) for _ in range(1 if quick else 3)]
    reused = [timed(tuner, n, folder, reuse_actors=True) for _ in range(1 if quick else 3)]
    fresh, fresh_cpu = timed(tuner, n_fresh, folder, reuse_actors=False)
    wall = statistics.median(m[0] for m in mine)
    wall_reused = statistics.median(r[0] for r in reused)
    report("hyperbridge, backend ray", n, wall, statistics.median(m[1] for m in mine))
    report(
        "Tuner, HyperOptSearch, reuse_actors=True", n, wall_reused,
        statistics.median(r[1] for r in reused), f"x {wall_reused / wall:.1f}",
    )  # fmt: skip
    scaled = fresh * n / n_fresh
    report(
        "Tuner, HyperOptSearch, as it comes", n_fresh, fresh, fresh_cpu,
        f"x {scaled / wall:.1f} (scaled to {n} trials)",
    )  # fmt: skip
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    bare = timed(ours, n, folder)
    report("hyperbridge, no loggers", n, *bare)
    del os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"]
    print(f"share of hyperbridge in the driver's CPU: {own_share(n, folder):.0%}", flush=True)
    if not quick:
        tenths = pace(1000, folder)
        print("1,000 trials, ms/trial by tenths:", *(f"{tenth:.0f}" for tenth in tenths))
    ray.shutdown()
    shutil.rmtree(sockets, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
