import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, tpe

SEED = 0


def objective(params):
    params["depth"] = int(params["depth"])
    params.update({"fixed": 1})
    del params["unused"]
    loss = abs(params["depth"] - 5) + params["gamma"]
    result = {"loss": loss, "status": STATUS_OK}
    result["params"] = params
    return result


trials = Trials()
best = fmin(
    fn=objective,
    space=dict(depth=hp.quniform("depth", 1, 12, 1), gamma=hp.uniform("gamma", 0, 1), unused=None),
    algo=tpe.suggest,
    max_evals=20,
    trials=trials,
    rstate=np.random.default_rng(SEED),
    show_progressbar=False,
)
best_loss = trials.best_trial["result"]["loss"]
print(trials.best_trial["result"]["params"]["fixed"])
