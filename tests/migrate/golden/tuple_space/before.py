import numpy as np
from hyperopt import fmin, hp, tpe

SEED = 0


def objective(args): return abs(args[0] - 2) + args[1]


best = fmin(objective, (hp.uniform("first", 0, 4), hp.quniform("second", -3, 3, 0.25)), algo=tpe.suggest, max_evals=20, rstate=np.random.default_rng(SEED), show_progressbar=False)
best_loss = abs(best["first"] - 2) + best["second"]
