import numpy as np
import optuna

SEED = 0
rng = np.random.default_rng(SEED)


def search_space(trial):
    return {"x": trial.suggest_float("x", -3, 3), "y": trial.suggest_float("y", -3, 3)}


def objective(p):
    return p["x"] ** 2 + p["y"] ** 2


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
study.optimize(lambda trial: objective(search_space(trial)), n_trials=10)
best_random = study.best_params
study_2 = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study_2.optimize(lambda trial: objective(search_space(trial)), n_trials=15)
best_tpe = study_2.best_params
best_loss = min(objective(best_random), objective(best_tpe))
