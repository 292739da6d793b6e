"""What by_hand_tune.py was before."""

import numpy as np
from hyperopt import fmin, hp, rand

space = {
    "rate": hp.loguniform("rate", np.log(1e-4), np.log(1e-1)),
    "layers": hp.randint("layers", 5),
    "width": hp.quniform("width", 16, 128, 16),
    "act": hp.choice("act", ["relu", "tanh"]),
}


def objective(params):
    return params["rate"] * params["layers"] + len(params["act"])


print(fmin(objective, space, algo=rand.suggest, max_evals=20))
