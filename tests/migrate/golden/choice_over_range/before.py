import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, space_eval, tpe
from hyperopt.pyll.base import scope

SEED = 0
search_space = {
    "n_estimators": hp.choice("n_estimators", range(10, 110, 10)),
    "max_depth": hp.choice("max_depth", np.arange(1, 14, 1, dtype=int)),
    "eta": hp.choice("eta", [0.01, 0.1, 0.3]),
    "leaves": scope.int(hp.quniform("leaves", 10, 60, 5)),
    "l1": scope.int(hp.qloguniform("l1", np.log(1), np.log(500), 1)),
}


def score(params):
    loss = abs(params["n_estimators"] - 60) + abs(params["max_depth"] - 5)
    loss += params["leaves"] + params["l1"] / 100 + params["eta"]
    return {"loss": float(loss), "status": STATUS_OK}


trials = Trials()
best = fmin(score, search_space, algo=tpe.suggest, max_evals=20, trials=trials, rstate=np.random.default_rng(SEED), show_progressbar=False)
params = space_eval(search_space, best)
best_loss = score(params)["loss"]
