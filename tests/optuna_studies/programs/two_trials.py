"""A short search with Optuna. Argument: the study's storage, or nothing for one in memory."""

import sys

from hyperopt import hp, rand

import hyperbridge

storage = sys.argv[1] or None
hyperbridge.fmin(
    abs,
    hp.uniform("x", -5, 5),
    algo=rand.suggest,
    max_evals=2,
    tracking=False,
    backend=hyperbridge.Optuna(storage=storage),
    show_progressbar=False,
)
