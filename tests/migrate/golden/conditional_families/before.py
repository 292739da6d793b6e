import math

import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, space_eval, tpe

SEED = 0
KERNELS = ["rbf", "linear"]

svm = {"type": "svm", "C": hp.loguniform("C", -3, 3), "kernel": hp.choice("kernel", KERNELS)}
space = hp.choice(
    "classifier",
    [
        svm,
        {"type": "tree", "depth": hp.randint("depth", 1, 12)},
        {"type": "bayes", "alpha": hp.uniform("alpha", 0, 1)},
    ],
)


def objective(params):
    kind = params.pop("type")
    if kind == "svm":
        loss = math.log(params["C"]) ** 2 + (params["kernel"] != "rbf")
    elif kind == "tree":
        loss = 0.5 + abs(params["depth"] - 6) / 6
    else:
        loss = 0.8 + params["alpha"]
    return {"loss": loss, "status": STATUS_OK, "kind": kind}


trials = Trials()
best = fmin(objective, space, tpe.suggest, 20, trials=trials, rstate=np.random.default_rng(SEED), show_progressbar=False)
chosen = space_eval(space, best)
best_loss = trials.best_trial["result"]["loss"]
print(chosen["type"], trials.best_trial["result"]["kind"])
