import numpy as np
from hyperopt import fmin, hp, space_eval, tpe

SEED = 0
rate = hp.loguniform("rate", np.log(0.001), 0)
OPTIONS = [
    {"kind": "a", "rate": rate},
    {"kind": "b", "rate": rate, "momentum": hp.uniform("momentum", 0, 1)},
]
space = hp.choice("which", OPTIONS)


def objective(p):
    return abs(p["rate"] - 0.1) + p.get("momentum", 0.5)


best = fmin(objective, space, algo=tpe.suggest, max_evals=20, rstate=np.random.default_rng(SEED), show_progressbar=False)
best_loss = objective(space_eval(space, best))
