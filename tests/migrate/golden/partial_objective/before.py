from functools import partial

import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, tpe

SEED = 0


def train(params, data, scale=1.0):
    residual = [params["w"] * x - y for x, y in data]
    return {"loss": scale * sum(r * r for r in residual), "status": STATUS_OK, "n": len(data)}


def tune(data):
    trials = Trials()
    space = {"w": hp.uniform("w", -4, 4)}
    algo = partial(tpe.suggest, n_startup_jobs=5, n_EI_candidates=30)
    best = fmin(
        partial(train, data=data),
        space=space,
        algo=algo,
        max_evals=20,
        trials=trials,
        rstate=np.random.default_rng(SEED),
        show_progressbar=False,
    )
    return best, trials.best_trial["result"]["loss"]


best, best_loss = tune([(1, 2), (2, 4.1), (3, 5.9)])
