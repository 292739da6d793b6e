import numpy as np
from hyperopt import fmin, hp, rand
from hyperopt.pyll import scope

SEED = 0
base = hp.uniform("base", 0, 1)
space = {
    "size": 2 * scope.int(hp.quniform("half", 1, 8, 1)),
    "ratio": base / 2 + 0.25,
    "power": 10 ** hp.uniform("exponent", -3, 0),
}


def objective(params):
    return abs(params["size"] - 8) + params["ratio"] + params["power"]


best = fmin(objective, space, algo=rand.suggest, max_evals=20, rstate=np.random.default_rng(SEED), show_progressbar=False)
best_loss = abs(2 * int(best["half"]) - 8) + best["base"] / 2 + 0.25 + 10 ** best["exponent"]
