"""The Ray backend against Tuners with Tune's own HyperOptSearch, on an instant objective.

One process, one cluster with num_cpus=4, concurrency 4, no tracking. A Tuner as it comes starts a
process for every trial; it runs fewer trials, and its time is scaled to the others' number.

    python benchmarks/ray_tune.py               # about 6 minutes
    python benchmarks/ray_tune.py --quick       # fewer trials, without the long runs
    python benchmarks/ray_tune.py --settings    # what each of Tune's settings gives, 3 minutes

Whether a search of 1,000 trials slows down is told by its last quarter against its first, by wall
time and by the CPU time of this process, in the median of three runs: with `rand.suggest`, which
costs the same at any length and so shows the dispatch alone; with `tpe.suggest`, whose models grow;
and for a Tuner with reused actors and Tune's own random search, to see what Tune's loop does.

Where the time of a trial goes (reuse_actors=True). First, into processes that are started for
nothing: Tune's FIFO scheduler gives an actor that has become free to the first trial that waits,
and kills the one that is starting for it. With trials shorter than a start, 60 of them at
concurrency 4 all ran in one actor while seven were started. The backend's scheduler leaves each
trial to its own actor: four are started, and all four work. Then, by a profile of Tune's loop: the
driver waits for the two calls that a trial makes to its actor, a reset and a step. Of its own time
TensorBoard's file is the largest part, because it is synced to the disk four times inside the
loop; the CSV and JSON files take a part of the rest; the registry of trainables is read from the
GCS three times a trial, and each call of an actor costs most of a millisecond. Tune's own state
writing takes at most 5%: it spaces itself out.

So the backend passes Tune's three loggers as callbacks that write on a thread of their own: the
same files, out of the loop. "no loggers" (TUNE_DISABLE_AUTO_CALLBACK_LOGGERS=1) shows what is left
without any: a third less CPU time of the driver. The other public settings, saving the state once,
asking for the cluster's resources once, buffering results (a trial has one), limits for pending
trials, a storage path in memory, change its CPU time by less than two runs differ.
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
from hyperopt import hp, rand, tpe
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


def ours(n: int, folder: str, *, algo: Any = tpe.suggest, callbacks: Any = None) -> None:
    hyperbridge.fmin(
        objective,
        SPACE,
        algo=algo,
        max_evals=n,
        backend=hyperbridge.Ray(
            run_config=tune.RunConfig(storage_path=folder, callbacks=callbacks)
        ),
        parallelism=CONCURRENCY,
        tracking=False,
        show_progressbar=False,
        rstate=np.random.default_rng(0),
    )


def tuner(
    n: int, folder: str, *, reuse_actors: bool, search: Any = None, callbacks: Any = None
) -> None:
    grid = tune.Tuner(
        reporting,
        param_space=TUNE_SPACE,
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            num_samples=n,
            search_alg=search,
            max_concurrent_trials=CONCURRENCY,
            reuse_actors=reuse_actors,
        ),
        run_config=tune.RunConfig(storage_path=folder, verbose=0, callbacks=callbacks),
    ).fit()
    assert len(grid) == n
    assert grid.num_errors == 0


def timed(function: Callable[..., None], *args: Any, **kwargs: Any) -> tuple[float, float]:
    """Return seconds of wall time, and of this process's CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    function(*args, **kwargs)
    return time.perf_counter() - wall, time.process_time() - cpu


def report(title: str, n: int, wall: float, cpu: float) -> None:
    print(
        f"{title:44} {n:5d} trials {wall:7.1f} s {1000 * wall / n:8.1f} ms/trial, "
        f"driver CPU {1000 * cpu / n:6.1f} ms/trial",
        flush=True,
    )


def verdict(what: str, asked: str, measured: str, is_met: bool) -> None:
    word = "met" if is_met else "MISSED"
    print(f"{what:62} asked {asked:10} measured {measured:10} {word}", flush=True)


def own_share(n: int, folder: str) -> float:
    """Return the share of functions of hyperbridge, search included, in the driver's CPU."""
    profile = cProfile.Profile(time.thread_time)
    profile.runcall(ours, n, folder)
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = sum(entry[2] for entry in stats.values())
    mine = {key for key in stats if f"{os.sep}hyperbridge{os.sep}" in key[0]}
    own = sum(stats[key][2] for key in mine)
    for key, (_, _, _, _, callers) in stats.items():
        if key not in mine and f"{os.sep}ray{os.sep}" not in key[0]:
            # a function of a library counts for us as far as we called it
            own += sum(part[2] for caller, part in callers.items() if caller in mine)
    return own / total


class Ends(tune.Callback):  # type: ignore[misc]  # Ray has no types
    """Notes when each trial ends: seconds of wall time, and of this process's CPU."""

    def __init__(self) -> None:
        self.times: list[tuple[float, float]] = []

    def on_trial_complete(self, *_: Any, **__: Any) -> None:
        self.times.append((time.perf_counter(), time.process_time()))


def pace(ends: Ends, parts: int) -> list[tuple[float, float]]:
    """Return milliseconds per trial, wall and CPU, of equal parts of a run once its actors run."""
    times = ends.times[2 * CONCURRENCY :]
    size = len(times) // parts
    pieces = [times[i * size : (i + 1) * size] for i in range(parts)]
    return [
        (
            1000 * (piece[-1][0] - piece[0][0]) / (size - 1),
            1000 * (piece[-1][1] - piece[0][1]) / (size - 1),
        )
        for piece in pieces
    ]


SETTINGS: dict[str, dict[str, str]] = {
    "as fmin sets it": {},
    "no loggers": {"TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"},
    "its state saved once": {"TUNE_GLOBAL_CHECKPOINT_S": "100000"},
    "resources asked for once": {"TUNE_STATE_REFRESH_PERIOD": "100000"},
    "results buffered": {"TUNE_RESULT_BUFFER_LENGTH": "1000"},
    "one trial pending at most": {"TUNE_MAX_PENDING_TRIALS_PG": "1"},
    "16 trials pending at most": {"TUNE_MAX_PENDING_TRIALS_PG": "16"},
    "actors clean up in the background": {"TUNE_FORCE_TRIAL_CLEANUP_S": "1"},
}
"""Tune's public settings that might cost or save time in its loop."""


def try_settings(n: int, folder: str) -> None:
    print("ms per trial once the actors run; CPU of the driver, which runs Tune's loop, per trial")
    variants: list[tuple[str, dict[str, str], str]] = [
        (title, variables, folder) for title, variables in SETTINGS.items()
    ]
    if os.path.isdir("/dev/shm"):
        variants.append(("storage path in memory", {}, tempfile.mkdtemp(dir="/dev/shm")))
    for title, variables, path in variants:
        before = dict(os.environ)
        os.environ.update(variables)
        try:
            cpu = time.process_time()
            ends = Ends()
            ours(n, path, callbacks=[ends])
            cpu = time.process_time() - cpu
        finally:
            os.environ.clear()
            os.environ.update(before)
        print(f"{title:36} {pace(ends, 1)[0][0]:7.1f} ms {1000 * cpu / n:7.1f} ms CPU", flush=True)
    if os.path.isdir("/dev/shm"):
        shutil.rmtree(variants[-1][2], ignore_errors=True)


def compare(folder: str, *, quick: bool) -> None:
    n, n_fresh = (40, 8) if quick else (200, 24)
    rounds = 1 if quick else 3
    mine, reused = [], []
    for _ in range(rounds):  # by turns, so that a busy moment of the machine meets both
        mine.append(timed(ours, n, folder))
        reused.append(timed(tuner, n, folder, reuse_actors=True, search=HyperOptSearch()))
    fresh, fresh_cpu = timed(tuner, n_fresh, folder, reuse_actors=False, search=HyperOptSearch())
    wall, cpu = (statistics.median(column) for column in zip(*mine))
    wall_reused, cpu_reused = (statistics.median(column) for column in zip(*reused))
    report("hyperbridge, backend ray", n, wall, cpu)
    report("Tuner, HyperOptSearch, reuse_actors=True", n, wall_reused, cpu_reused)
    report("Tuner, HyperOptSearch, as it comes", n_fresh, fresh, fresh_cpu)
    share = own_share(n, folder)
    faster = fresh * n / n_fresh / wall
    verdict(
        f"faster than a Tuner as it comes (scaled from {n_fresh} to {n} trials)",
        ">= 10x", f"{faster:.1f}x", faster >= 10,
    )  # fmt: skip
    ratio = wall / wall_reused
    verdict("time against the Tuner with reuse_actors", "<= 1.0", f"{ratio:.2f}", ratio <= 1.0)
    verdict("share of our code in the driver's CPU", "<= 20%", f"{share:.0%}", share <= 0.2)


def long_runs(folder: str, rounds: int = 3) -> None:
    """Tell whether a search of 1,000 trials slows down, ours and a Tuner's."""
    kinds: dict[str, Callable[[Ends], None]] = {
        "hyperbridge, rand": lambda ends: ours(1000, folder, algo=rand.suggest, callbacks=[ends]),
        "hyperbridge, tpe": lambda ends: ours(1000, folder, callbacks=[ends]),
        "Tuner, reuse_actors, random": lambda ends: tuner(
            1000, folder, reuse_actors=True, callbacks=[ends]
        ),
    }
    slowing: dict[str, list[tuple[float, ...]]] = {title: [] for title in kinds}
    print("1,000 trials, ms/trial by quarters")
    for _ in range(rounds):
        for title, run in kinds.items():
            ends = Ends()
            run(ends)
            quarters = pace(ends, 4)
            for number, clock in enumerate(("wall", "CPU")):
                values = " ".join(f"{quarter[number]:6.1f}" for quarter in quarters)
                print(f"{title:28} {clock:4} {values}", flush=True)
            slowing[title].append(tuple(last / first for first, last in zip(*quarters[::3])))
    for title, ratios in slowing.items():
        wall, cpu = (statistics.median(column) for column in zip(*ratios))
        what = f"{title}: last quarter of 1,000 / first"
        if title.startswith("Tuner"):
            print(f"{what:62} {'':16} measured {wall:.2f} (CPU {cpu:.2f})")
        else:
            verdict(what, "<= 1.1", f"{wall:.2f} (CPU {cpu:.2f})", wall <= 1.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer trials, no long runs")
    parser.add_argument("--settings", action="store_true", help="try Tune's settings instead")
    args = parser.parse_args()
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
    try:
        ours(4, folder)  # what only the first run of a process pays
        if args.settings:
            try_settings(30 if args.quick else 60, folder)
        else:
            compare(folder, quick=args.quick)
            if not args.quick:
                long_runs(folder)
    finally:
        ray.shutdown()
        shutil.rmtree(sockets, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
