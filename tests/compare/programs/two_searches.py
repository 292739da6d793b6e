"""Two searches. On backend local the first one is at random, which nothing but its losses shows."""

import os
from functools import partial

import numpy as np
from hyperopt import Trials, fmin, hp, tpe

IS_WORSE = os.environ.get("HYPERBRIDGE_BACKEND") == "local"

fmin(
    lambda point: sum(value**2 for value in point.values()),
    {name: hp.uniform(name, -10, 10) for name in "abc"},
    algo=partial(tpe.suggest, n_startup_jobs=1000 if IS_WORSE else 20),
    max_evals=200,
    trials=Trials(),
    rstate=np.random.default_rng(0),
    show_progressbar=False,
)

fmin(
    lambda x: (x - 1) ** 2,
    hp.uniform("x", -10, 10),
    algo=tpe.suggest,
    max_evals=12,
    trials=Trials(),
    rstate=np.random.default_rng(2),
    show_progressbar=False,
)
