import numpy as np
from hyperopt import fmin, hp, tpe

SEED = 0
best = fmin(fn=lambda x: (x - 3) ** 2, space=hp.uniform("x", -10, 10), algo=tpe.suggest, max_evals=20, rstate=np.random.default_rng(SEED), verbose=False)
best_loss = (best["x"] - 3) ** 2
