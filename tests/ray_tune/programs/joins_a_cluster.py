"""Searches on a cluster that is there, and what its workers can import."""

import ray
from hyperopt import hp, tpe

from hyperbridge import Trials, fmin


def plain(p):
    import importlib.util
    import sys

    # The stand-in for hyperbridge, which has its report(), comes from no file.
    names = ("hyperopt", "hyperbridge", "optuna", "ray")
    return {
        "loss": p["x"],
        "status": "ok",
        "python": sys.executable,
        "found": [n for n in names if getattr(importlib.util.find_spec(n), "origin", None)],
    }


def reporting(p):
    from ray import tune

    tune.report({"loss": 9.0})
    return plain(p)


space = {"x": hp.uniform("x", 0, 1), "k": hp.choice("k", [hp.randint("n", 3), 7])}
for fn in (plain, reporting):
    trials = Trials()
    fmin(
        fn,
        space,
        algo=tpe.suggest,
        max_evals=2,
        trials=trials,
        parallelism=1,  # each worker of such a cluster takes seconds to start
        show_progressbar=False,
    )
    for result in trials.results:
        print("found", result["found"], result["python"])
print("initialised", ray.is_initialized())
ray.init(logging_level="ERROR")
print("alive", sum(node["Alive"] for node in ray.nodes()))
