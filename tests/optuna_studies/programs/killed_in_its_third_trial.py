"""A search with a kept study whose process is killed in its third trial."""

import os
import signal

import numpy as np

import hyperbridge
from hyperbridge import hp, rand

calls: list[float] = []


def objective(x):
    calls.append(x)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


hyperbridge.fmin(
    objective,
    hp.uniform("x", 0, 1),
    algo=rand.suggest,
    max_evals=9,
    tracking=False,
    rstate=np.random.default_rng(0),
    show_progressbar=False,
    backend=hyperbridge.Optuna(storage="study.db", study_name="s"),
)
