import numpy as np
from hyperopt import Trials, hp, tpe

SEED = 0
trials = Trials()
best = trials.fmin(lambda x: abs(x), hp.uniform("x", -1, 1), algo=tpe.suggest, max_evals=10, rstate=np.random.default_rng(SEED), show_progressbar=False)
best_loss = abs(best["x"])
