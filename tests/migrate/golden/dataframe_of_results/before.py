import numpy as np
import pandas as pd
from hyperopt import STATUS_OK, Trials, fmin, hp, rand
import hyperopt.pyll
from hyperopt.pyll import scope

SEED = 0
space = {"lr": hp.loguniform("lr", -6, 0), "n": scope.int(hp.quniform("n", 10, 100, 5)), "kind": hp.pchoice("kind", [(0.3, "a"), (0.7, "b")])}


def objective(params):
    lr, n = params["lr"], params["n"]
    loss = (np.log(lr) + 3) ** 2 + n / 50 + (params["kind"] == "a")
    return {"loss": loss, "status": STATUS_OK, "auc": 1 - loss, "eval_time": 0.5}


trials = Trials()
best = fmin(objective, space, rand.suggest, 30, trials=trials, rstate=np.random.default_rng(SEED), show_progressbar=False)
frame = pd.DataFrame(trials.results)
print(frame[["loss", "auc"]].describe())
rates = trials.vals["lr"]
losses = [t["result"]["loss"] for t in trials.trials]
print(len(rates), max(losses), trials.argmin)
tuned = pd.DataFrame({"lr": trials.vals["lr"], "loss": trials.losses()})
best_loss = float(tuned["loss"].min())
for i, trial in enumerate(trials.trials):
    print(i, trial["misc"]["vals"]["lr"][0], trial["result"]["auc"])
