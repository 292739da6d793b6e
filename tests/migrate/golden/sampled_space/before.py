import numpy as np
from hyperopt import fmin, hp, space_eval, tpe
from hyperopt.pyll.stochastic import sample

SEED = 0
space = {"x": hp.uniform("x", -1, 1), "op": hp.choice("op", [abs, None])}
print(sample(space))


def objective(p):
    return p["x"] ** 2 if p["op"] is None else 1 + p["op"](p["x"])


best = fmin(objective, space, algo=tpe.suggest, max_evals=15, rstate=np.random.default_rng(SEED), show_progressbar=False)
best_loss = objective(space_eval(space, best))
