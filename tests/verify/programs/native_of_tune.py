"""The search of `original_of_tune` with Optuna alone, at random."""

import optuna


def objective(trial):
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    width = trial.suggest_int("width", 16, 128, step=16)
    act = trial.suggest_categorical("act", ["relu", "tanh"])
    return rate * trial.suggest_int("layers", 0, 4) + len(act) + width


study = optuna.create_study(sampler=optuna.samplers.RandomSampler())
study.optimize(objective, n_trials=20)
