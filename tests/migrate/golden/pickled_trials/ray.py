import io
import pickle

import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, tpe

SEED = 0
trials = Trials()
best = fmin(
    lambda p: {"loss": p["x"] ** 2, "status": STATUS_OK, "double": 2 * p["x"]},
    {"x": hp.uniform("x", -1, 1)},
    algo=tpe.suggest, max_evals=10, trials=trials,
    rstate=np.random.default_rng(SEED), show_progressbar=False,
)
with io.BytesIO() as file:
    pickle.dump(trials, file)
best_loss = best["x"] ** 2
