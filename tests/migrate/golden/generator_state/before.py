import numpy as np
from hyperopt import fmin, hp, tpe


class Config:
    seed = 0
    low = -2.0


SEED = 0
config = Config()
rng = np.random.default_rng(np.random.SeedSequence([config.seed, SEED]).entropy[1])
best = fmin(lambda v: (v + 1) ** 2, hp.uniform("v", config.low, -config.low), algo=tpe.suggest, max_evals=15, rstate=rng, show_progressbar=False)
best_loss = (best["v"] + 1) ** 2
