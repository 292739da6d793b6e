import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, tpe

SEED = 0
space = {
    "model": hp.choice(
        "model",
        [
            {
                "name": "linear",
                "penalty": hp.choice("penalty", ["l1", {"elastic": hp.uniform("mix", 0, 1)}]),
            },
            {"name": "net", "layers": (hp.randint("width", 8), hp.choice("act", ["relu", "tanh"]))},
        ],
    ),
    "seed": 7,
}


def objective(params):
    model = params["model"]
    if model["name"] == "linear":
        penalty = model["penalty"]
        return {"loss": 1.0 if penalty == "l1" else penalty["elastic"], "status": STATUS_OK}
    width, act = model["layers"]
    return {"loss": abs(width - 4) / 4 + (act == "relu") * 0.1, "status": STATUS_OK}


trials = Trials()
fmin(objective, space, algo=tpe.suggest, max_evals=20, trials=trials, rstate=np.random.default_rng(SEED), show_progressbar=False)
best_loss = trials.best_trial["result"]["loss"]
