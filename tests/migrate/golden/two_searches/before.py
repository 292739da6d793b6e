import numpy as np
from hyperopt import fmin, hp, rand, tpe

SEED = 0
rng = np.random.default_rng(SEED)
space = {"x": hp.uniform("x", -3, 3), "y": hp.uniform("y", -3, 3)}


def objective(p):
    return p["x"] ** 2 + p["y"] ** 2


best_random = fmin(objective, space, algo=rand.suggest, max_evals=10, rstate=rng, show_progressbar=False)
best_tpe = fmin(objective, space, algo=tpe.suggest, max_evals=15, rstate=rng, show_progressbar=False)
best_loss = min(objective(best_random), objective(best_tpe))
