import numpy as np
from hyperopt import fmin, hp, anneal

SEED = 0
best = fmin(
    fn=lambda p: {"loss": abs(p["q"] - 6) + p["r"], "status": "ok"},
    space={"q": hp.quniform("q", 1, 10, 4), "r": hp.qloguniform("r", 0, 4, 3)},
    algo=anneal.suggest,
    max_evals=20,
    timeout=60,
    rstate=np.random.default_rng(SEED),
    show_progressbar=False,
    catch_eval_exceptions=True,
)
best_loss = abs(best["q"] - 6) + best["r"]
