"""A search of hyperopt's, and where its names come from."""

import os

import hyperopt
import numpy as np
from hyperopt import STATUS_OK, SparkTrials, Trials, fmin, hp, space_eval, tpe

print(fmin.__module__, hyperopt.fmin.__module__, SparkTrials.__module__)
print({k: v for k, v in sorted(os.environ.items()) if k.startswith("HYPERBRIDGE_")})
space = {"x": hp.uniform("x", -1, 1), "kind": hp.choice("kind", ["a", "b"])}
trials = Trials()
best = fmin(
    lambda p: {"loss": p["x"] ** 2, "status": STATUS_OK},
    space,
    algo=tpe.suggest,
    max_evals=25,
    trials=trials,
    rstate=np.random.default_rng(1),
    show_progressbar=False,
)
print("best", best, space_eval(space, best), trials.losses())
