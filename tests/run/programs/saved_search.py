"""A search that is kept in a file, and notes each trial that it starts. Argument: max_evals."""

import sys
import time

import numpy as np
from hyperopt import hp, rand

from hyperbridge.surface.fmin import fmin


def objective(x):
    with open("started.txt", "a") as file:
        file.write(f"{x!r}\n")
    time.sleep(0.01)
    return {"loss": x, "status": "ok", "ballast": np.zeros(20_000)}


fmin(
    objective,
    hp.uniform("x", -1, 1),
    algo=rand.suggest,
    max_evals=int(sys.argv[1]),
    trials_save_file="trials.pkl",
    show_progressbar=False,
    rstate=np.random.default_rng(1),
)
