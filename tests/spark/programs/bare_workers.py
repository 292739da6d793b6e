"""Run trials on executors whose Python has neither hyperopt nor hyperbridge."""

from __future__ import annotations

import sys
from functools import partial

import hyperopt
import numpy as np
from harness import open_session, report, search, states
from hyperopt import hp, tpe
from hyperopt.pyll import scope

import hyperbridge

ABSENT = ("hyperopt", "hyperbridge", "cloudpickle", "mlflow", "scipy")

SPACE = {
    "rate": hp.loguniform("rate", -5, 0),
    "depth": scope.int(hp.quniform("depth", 2, 8, 1)),
    "model": hp.choice(
        "model",
        [
            {"kind": "forest", "trees": hp.randint("trees", 5, 10), "noise": hp.normal("n", 0, 1)},
            {"kind": "linear", "penalty": hp.pchoice("penalty", [(0.3, "l1"), (0.7, "l2")])},
        ],
    ),
    "list": [hp.qlognormal("q", 0, 1, 0.5), (hp.uniformint("u", 0, 3), "fixed")],
}


def objective(point):
    import importlib

    present = []
    for name in ABSENT:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        if getattr(module, "__file__", None) is not None:  # a stand-in has none
            present.append(name)
    for step in range(3):
        hyperbridge.report(point["rate"] + 1 / (step + 1), step)
    if point["rate"] < np_free_quantile:
        raise ValueError("a rate that low")
    return {
        "loss": point["rate"] * point["depth"],
        "status": "ok",
        "present": present,
        "executable": sys.executable,
        "point": point,
    }


np_free_quantile = 0.02
kind, track = sys.argv[1], sys.argv[2] == "tracked"
spark = open_session(kind)
trials = hyperbridge.SparkTrials(parallelism=2)
with hyperbridge.settings(tracking=track):
    best = search(
        objective,
        trials,
        space=SPACE,
        algo=partial(tpe.suggest, n_startup_jobs=4),
        rstate=np.random.default_rng(1),
        max_evals=12,
        return_argmin=True,
    )


def as_hyperopt_builds_it(document):
    values = {label: v[0] for label, v in document["misc"]["vals"].items() if v}
    return hyperopt.space_eval(SPACE, values)


done = [d for d in trials._dynamic_trials if d["state"] == hyperopt.JOB_STATE_DONE]
failed = [d for d in trials._dynamic_trials if d["state"] == hyperopt.JOB_STATE_ERROR]
report(
    "bare",
    states=states(trials),
    present=sorted({name for d in done for name in d["result"]["present"]}),
    executables=sorted({d["result"]["executable"] for d in done}),
    points_differ=[
        repr((d["result"]["point"], as_hyperopt_builds_it(d)))
        for d in done
        if repr(d["result"]["point"]) != repr(as_hyperopt_builds_it(d))
    ],
    errors=sorted({d["misc"]["error"][1].strip().splitlines()[-1] for d in failed}),
    best=best,
    n_reports=sorted({len(d["misc"]["reports"]) for d in [*done, *failed]}),
)
if track:
    import mlflow

    runs = mlflow.MlflowClient().search_runs(["0"], "tags.`mlflow.parentRunId` != ''")
    report("runs", statuses=sorted(run.info.status for run in runs))
spark.stop()
