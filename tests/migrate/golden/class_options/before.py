import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, tpe

SEED = 0


class Ridge:
    offset = 0.5


class Lasso:
    offset = 0.1


def objective(params):
    model = params["model"]
    width = sum(params["layers"])
    return {"loss": model.offset + abs(width - 96) / 96 + params["p"], "status": STATUS_OK, "model": model()}


space = {
    "model": hp.choice("model", [Ridge, Lasso]),
    "layers": hp.choice("layers", [[64], [64, 32], [128]]),
    "p": hp.pchoice("p", [(0.2, 0.0), (0.8, 0.5)]),
}
trials = Trials()
best = fmin(objective, space, algo=tpe.suggest, max_evals=20, trials=trials, rstate=np.random.default_rng(SEED), show_progressbar=False)
best_model = trials.best_trial["result"]["model"]
best_loss = trials.best_trial["result"]["loss"]
