import numpy as np
from hyperopt import Trials, fmin, hp, tpe

SEED = 0


def tuned(settings, noise):
    depth, eta = settings.get("depth", 6), settings.get("eta", 0.3)
    loss = (depth - 4) ** 2 / 10 + abs(np.log10(eta) + 1) + settings.get("alpha", 1) * noise
    return loss + 0.5 * settings.get("grow", 1)


params = {"seed": 7}
steps = [
    {"depth": hp.quniform("depth", 2, 9, 1), "grow": hp.choice("grow", ["leaves", "levels"])},  # the tree
    {"eta": hp.loguniform("eta", np.log(0.01), 0)},  # boosting
    {"alpha": hp.uniform("alpha", 0, 2)},
]
options = ["leaves", "levels"]

for step in steps:
    params = {**params, **step}
    trials = Trials()
    best = fmin(
        fn=lambda p: tuned({**p, "grow": p["grow"] if p["grow"] in (0, 1) else options.index(p["grow"])}, 0.1) if "grow" in p else tuned(p, 0.1),
        space=params,
        algo=tpe.suggest,
        max_evals=10,
        trials=trials,
        rstate=np.random.default_rng(SEED),
        show_progressbar=False,
    )
    params = {**params, **best}
    print(len(params), trials.best_trial["result"]["loss"])

best_loss = tuned(params, 0.1)
