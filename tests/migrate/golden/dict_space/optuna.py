"""Tune two parameters."""
import numpy as np
import optuna

SEED = 0


# what is searched
def search_space(trial):
    return {
        "x": trial.suggest_float("x", -5, 5),  # a number
        # the strength
        "c": trial.suggest_float("c", 1e-3, 1e3, log=True),
    }


def objective(trial):
    """Return the loss."""
    params = search_space(trial)
    loss = (params["x"] - 1) ** 2 + np.log10(params["c"]) ** 2
    return loss


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=20)
best = study.best_params
print(best, search_space(study.best_trial))
best_loss = study.best_value
