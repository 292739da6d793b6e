"""Searches through Ray Client: their trials, how they are interrupted, and how they go on."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import ray
from hyperopt import hp, tpe
from ray.tune import RunConfig

import hyperbridge
from hyperbridge import Trials, fmin


def plain(p):
    import importlib.util

    names = ("hyperopt", "hyperbridge", "optuna", "ray")
    return {
        "loss": p["x"],
        "status": "ok",
        "found": [n for n in names if getattr(importlib.util.find_spec(n), "origin", None)],
    }


def reporting(p):
    from ray import tune

    tune.report({"loss": 9.0})
    return plain(p)


def search(fn, **kwargs):
    trials = Trials()
    kwargs.setdefault("trials", trials)
    kwargs.setdefault("max_evals", 2)
    fmin(
        fn,
        {"x": hp.uniform("x", 0, 1), "k": hp.choice("k", [hp.randint("n", 3), 7])},
        algo=tpe.suggest,
        show_progressbar=False,
        rstate=np.random.default_rng(0),
        **kwargs,
    )
    return trials


for result in search(reporting, parallelism=2).results:
    print("found", result["found"])
print("initialised", ray.is_initialized())
ray.init(logging_level="ERROR")  # from here on it is ours
there = search(plain, max_evals=30, parallelism=1)
for result in there.results[:2]:
    print("found", result["found"])
here = search(plain, max_evals=30, backend="local")
print("same losses as here", there.losses() == here.losses())
print("grid", len(there.result_grid))


def raising(p):
    raise ValueError("no luck")


try:
    search(raising, parallelism=2)
except ValueError as exc:
    print("raised", type(exc).__name__, exc)

sleeps = str(Path("sleeps").resolve())


def first_sleeps(p):
    try:
        open(sleeps, "x").close()
    except FileExistsError:
        return 0.5
    time.sleep(3000)  # the script does not wait for that
    return 0.0


trials = Trials()
search(first_sleeps, trials=trials, parallelism=2, loss_threshold=1)
print("cancelled", sorted(d["state"] for d in trials._dynamic_trials))

began = Path("began").resolve()
began.mkdir()


def noted(p):
    n = len(list(began.iterdir()))
    (began / str(p["x"])).touch()
    if n == 2:
        time.sleep(3000)
    return p["x"]


def interrupt():
    while len(list(began.iterdir())) < 3:
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)


threading.Thread(target=interrupt, daemon=True).start()
backend = hyperbridge.Ray(run_config=RunConfig(name="again", storage_path=str(began.parent)))
try:
    search(noted, max_evals=6, parallelism=1, backend=backend)
except KeyboardInterrupt as interrupted:
    print("interrupted", type(interrupted).__name__)
again = search(noted, max_evals=6, parallelism=1, backend=backend)
print("continued", len(again), "began", len(list(began.iterdir())))
print("alive", sum(node["Alive"] for node in ray.nodes()), "connected", ray.is_initialized())
