"""Tune two parameters."""
import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, space_eval, tpe

SEED = 0

# what is searched
space = {
    "x": hp.uniform("x", -5, 5),  # a number
    # the strength
    "c": hp.loguniform("c", np.log(1e-3), np.log(1e3)),
}


def objective(params):
    """Return the loss."""
    loss = (params["x"] - 1) ** 2 + np.log10(params["c"]) ** 2
    return {"loss": loss, "status": STATUS_OK}


trials = Trials()
best = fmin(
    fn=objective,
    space=space,
    algo=tpe.suggest,
    max_evals=20,
    trials=trials,
    rstate=np.random.default_rng(SEED),
    show_progressbar=False,
)
print(best, space_eval(space, best))
best_loss = trials.best_trial["result"]["loss"]
