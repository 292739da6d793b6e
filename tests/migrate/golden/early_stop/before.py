import numpy as np
from hyperopt import Trials, fmin, hp, tpe
from hyperopt.early_stop import no_progress_loss

SEED = 0


def objective(params):
    return (params["x"] - 0.5) ** 2


trials = Trials()
best = fmin(
    fn=objective,
    space={"x": hp.uniform("x", 0, 1)},
    algo=tpe.suggest,
    max_evals=40,
    early_stop_fn=no_progress_loss(15, percent_increase=1),
    loss_threshold=0.000001,
    trials=trials,
    rstate=np.random.default_rng(SEED),
    show_progressbar=False,
)
best_loss = trials.best_trial["result"]["loss"]
