import numpy as np
from hyperopt import fmin, hp, tpe

SEED = 0
LAYERS = ["small", "large"]
space = {
    "lr": hp.loguniform("lr", np.log(1e-4), np.log(1)),
    "layers": hp.choice("layers", LAYERS),
    "n": hp.uniformint("n", 1, 9),
}


def loss_of(point):
    return abs(np.log10(point["lr"]) + 2) + (point["layers"] == "small") + point["n"] / 10


best = fmin(
    loss_of,
    space,
    algo=tpe.suggest,
    max_evals=15,
    points_to_evaluate=[{"lr": 0.01, "layers": 1, "n": 2.0}, {"lr": 0.5, "layers": 0, "n": 9}],
    rstate=np.random.default_rng(SEED),
    show_progressbar=False,
)
print(LAYERS[best["layers"]])
best_loss = loss_of({"lr": best["lr"], "layers": LAYERS[best["layers"]], "n": best["n"]})
