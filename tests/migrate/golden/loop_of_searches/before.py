import numpy as np
from hyperopt import Trials, fmin, hp, tpe

SEED = 0
best_losses = {}
for target in (1, 2):

    def objective(x):
        return (x - target) ** 2

    trials = Trials()
    fmin(objective, hp.uniform("x", 0, 3), algo=tpe.suggest, max_evals=10, trials=trials, rstate=np.random.default_rng(SEED), show_progressbar=False)
    best_losses[target] = trials.best_trial["result"]["loss"]
best_loss = sum(best_losses.values())
