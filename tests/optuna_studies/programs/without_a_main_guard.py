"""A search in worker processes without a main guard. Argument: how long a trial sleeps."""

import os
import sys
import time

import numpy as np
from helper import double

import hyperbridge
from hyperbridge import hp, rand

seconds = float(sys.argv[1])


def objective(x):
    print("objective prints", flush=True)
    with open("pid", "w") as file:
        file.write(str(os.getpid()))
    time.sleep(seconds)
    return double(x)


hyperbridge.fmin(
    objective,
    hp.uniform("x", 0, 1),
    algo=rand.suggest,
    max_evals=2,
    tracking=False,
    rstate=np.random.default_rng(0),
    show_progressbar=False,
    backend=hyperbridge.Optuna(workers="processes"),
)
print("script ends")
