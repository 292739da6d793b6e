"""A program with a bit of everything that a hand migration gets wrong."""

import numpy as np
from hyperopt import fmin, hp, tpe

space = {
    "rate": hp.loguniform("rate", np.log(1e-4), np.log(1e-1)),
    "dropout": hp.uniform("dropout", 0.1, 0.5),
    "layers": hp.randint("layers", 5),
    "width": hp.quniform("width", 16, 128, 16),
    "shift": hp.normal("shift", 2.0, 0.5),
    "depth": hp.uniformint("depth", 2, 9),
    "model": hp.choice(
        "model",
        [
            {"kernel": "rbf", "gamma": hp.loguniform("gamma", -5, 1)},
            {"kernel": "poly", "degree": hp.choice("degree", [2, 3, 5])},
        ],
    ),
    "act": hp.choice("act", ["relu", "tanh", "gelu"]),
}


def objective(params):
    loss = params["rate"] + params["dropout"] + params["layers"] + params["width"] / 100
    return loss + params["shift"] + params["depth"] + len(params["model"]) + len(params["act"])


best = fmin(
    objective,
    space,
    algo=tpe.suggest,
    max_evals=30,
    timeout=600,
    points_to_evaluate=[
        {
            "rate": 0.01, "dropout": 0.2, "layers": 1, "width": 32, "shift": 2.0, "depth": 3,
            "model": 1, "degree": 0, "act": 0,
        }
    ],
    rstate=np.random.default_rng(0),
)  # fmt: skip
print(best)
