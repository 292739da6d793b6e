import numpy as np
from hyperopt import fmin, hp, rand, space_eval, tpe

SEED = 0


def distance(place):
    x, y = place["x"], place["y"]
    return (x - 2) ** 2 + abs(y) + (place["metric"] == "taxi")


def tune(space, evals: int = 15, method: str = "random"):
    if method == "random":
        method = rand.suggest
    elif method == "tpe":
        method = tpe.suggest
    best = fmin(distance, space, algo=method, max_evals=evals, rstate=np.random.default_rng(SEED), show_progressbar=False)
    return space_eval(space, best)


plane = {
    "x": hp.uniform("x", -5, 5),
    "y": hp.quniform("y", -4, 4, 2),
    "metric": hp.choice("metric", ["taxi", "euclid"]),
}
nearest = tune(plane, 10, method="tpe")
best_loss = min(distance(nearest), distance(tune(plane)))
