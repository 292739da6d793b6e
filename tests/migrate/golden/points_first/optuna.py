import numpy as np
import optuna

SEED = 0
LAYERS = ["small", "large"]


def loss_of(point):
    return abs(np.log10(point["lr"]) + 2) + (point["layers"] == "small") + point["n"] / 10


def run_trial(trial):
    params = {
        "lr": trial.suggest_float("lr", 1e-4, 1, log=True),
        "layers": trial.suggest_categorical("layers", LAYERS),
        "n": trial.suggest_int("n", 1, 9),
    }
    return loss_of(params)


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.enqueue_trial({"lr": 0.01, "layers": "large", "n": 2})
study.enqueue_trial({"lr": 0.5, "layers": "small", "n": 9})
study.optimize(run_trial, n_trials=17)
best = study.best_params
print(best["layers"])
best_loss = loss_of({"lr": best["lr"], "layers": best["layers"], "n": best["n"]})
