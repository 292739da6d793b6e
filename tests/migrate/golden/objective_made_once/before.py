from functools import partial

import numpy as np
from hyperopt import fmin, hp, tpe

SEED = 0
loaded = []


def load(path):
    loaded.append(path)
    return [(1, 2), (2, 4.1), (3, 5.9)]


class Objective:
    def __init__(self, path):
        self.data = load(path)

    def __call__(self, params):
        return sum((params["w"] * x - y) ** 2 for x, y in self.data)


def train(params, data):
    return {"loss": sum((params["v"] * x - y) ** 2 for x, y in data), "status": "ok"}


best = fmin(
    Objective("data.csv"),
    {"w": hp.uniform("w", -4, 4)},
    algo=tpe.suggest,
    max_evals=15,
    rstate=np.random.default_rng(SEED),
    show_progressbar=False,
)


def tune():
    return fmin(
        partial(train, data=load("more.csv")),
        {"v": hp.uniform("v", -4, 4)},
        algo=tpe.suggest,
        max_evals=16,
        rstate=np.random.default_rng(SEED),
        show_progressbar=False,
    )


more = tune()
assert loaded == ["data.csv", "more.csv"]
best_loss = train({"v": more["v"]}, load("data.csv"))["loss"] + Objective("data.csv")(
    {"w": best["w"]}
)
