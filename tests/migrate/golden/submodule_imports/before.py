from hyperopt.base import STATUS_FAIL, STATUS_OK, Trials
from hyperopt.fmin import fmin, space_eval
from hyperopt import hp
import hyperopt.rand as random_search
import numpy as np

SEED = 0
space = {"n": hp.randint("n", 2, 20), "w": hp.uniformint("w", low=1, high=4)}


def objective(params):
    try:
        loss = 100 / (params["n"] - 5) ** 2 + params["w"]
    except ZeroDivisionError:
        return {"loss": None, "status": STATUS_FAIL}
    if loss > 90: return {"loss": 90.0, "status": STATUS_OK}
    return {
        "loss": loss
        + 0.5,
        "status": STATUS_OK,
        "w": params["w"],
    }


trials = Trials()
best = fmin(objective, space, random_search.suggest, 20, trials=trials, rstate=np.random.default_rng(SEED), show_progressbar=False)
assert space_eval(space, best)["n"] == best["n"]
best_loss = trials.best_trial["result"]["loss"]
