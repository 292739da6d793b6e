import math

import numpy as np
import optuna
import pandas as pd

SEED = 0


def objective(trial):
    params = {
        "lr": trial.suggest_float("lr", math.exp(-6), 1, log=True),
        "n": trial.suggest_int("n", 10, 100, step=5),
        "kind": trial.suggest_categorical("kind", ["a", "b"]),
    }
    lr, n = params["lr"], params["n"]
    loss = (np.log(lr) + 3) ** 2 + n / 50 + (params["kind"] == "a")
    trial.set_user_attr("auc", 1 - loss)
    trial.set_user_attr("eval_time", 0.5)
    return loss


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
study.optimize(objective, n_trials=30)
best = study.best_params
frame = pd.DataFrame([{"loss": t.value, **t.user_attrs} for t in study.trials])
print(frame[["loss", "auc"]].describe())
rates = [t.params["lr"] for t in study.trials if "lr" in t.params]
losses = [t.value for t in study.trials]
print(len(rates), max(losses), study.best_params)
tuned = pd.DataFrame({"lr": [t.params["lr"] for t in study.trials if "lr" in t.params], "loss": [t.value for t in study.trials]})
best_loss = float(tuned["loss"].min())
for i, trial in enumerate(study.trials):
    print(i, trial.params["lr"], trial.user_attrs["auc"])
