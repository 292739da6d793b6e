"""It has one search, in a folder's data, and dies of something on one backend."""

import os
import sys

import mlflow
import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, tpe

mlflow.set_tracking_uri("sqlite:///the_users.db")
mlflow.set_experiment("of the user")
with open("data.txt") as file:
    shift = float(file.read())


def objective(point):
    if point["x"] > 4:
        raise ValueError("too far")
    return {"loss": (point["x"] - shift) ** 2, "status": STATUS_OK, "kind": point["kind"]}


if sys.argv[1:] == ["fail"] and os.environ["HYPERBRIDGE_BACKEND"] == "optuna":
    raise RuntimeError("not here")
fmin(
    objective,
    {"x": hp.uniform("x", -5, 5), "kind": hp.choice("kind", ["a", "b"])},
    algo=tpe.suggest,
    max_evals=50,
    trials=Trials(),
    rstate=np.random.default_rng(3),
    catch_eval_exceptions=True,
    trials_save_file="trials.pkl",
)
