import io
import pickle

import optuna

SEED = 0


def objective(trial):
    p = {"x": trial.suggest_float("x", -1, 1)}
    trial.set_user_attr("double", 2 * p["x"])
    return p["x"] ** 2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=10)
best = study.best_params
with io.BytesIO() as file:
    pickle.dump(study, file)
best_loss = best["x"] ** 2
