import numpy as np
from hyperbridge import STATUS_OK, Trials, fmin, hp, tpe

SEED = 0
trials = Trials()
best = fmin(
    lambda p: {"loss": p["x"] ** 2, "status": STATUS_OK},
    {"x": hp.uniform("x", -1, 1)},
    algo=tpe.suggest,
    max_evals=12,
    trials=trials,
    rstate=np.random.default_rng(SEED),
    show_progressbar=False,
    backend="local",
    tracking=False,
)
best_loss = trials.best_trial["result"]["loss"]
