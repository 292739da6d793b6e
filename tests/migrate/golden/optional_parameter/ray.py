import numpy as np
from hyperopt import fmin, hp, tpe

SEED = 0
space = {
    "dropout": hp.choice("use_dropout", [None, hp.uniform("dropout", 0.1, 0.9)]),
    "lr": hp.lognormal("lr", 0, 1),
}


def objective(params):
    penalty = 0.3 if params["dropout"] is None else params["dropout"]
    return penalty + abs(params["lr"] - 1)


losses = []
best = fmin(lambda p: losses.append(objective(p)) or losses[-1], space, algo=tpe.suggest, max_evals=20, rstate=np.random.default_rng(SEED), show_progressbar=False)
best_loss = min(losses)
