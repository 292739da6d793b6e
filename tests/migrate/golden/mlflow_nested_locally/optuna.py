import math

import mlflow
import optuna

SEED = 0


def objective(trial):
    params = {"alpha": trial.suggest_float("alpha", math.exp(-5), 1, log=True)}
    with mlflow.start_run(nested=True):
        mlflow.log_params(params)
        loss = params["alpha"] ** 2
        mlflow.log_metric("mse", loss)
        return loss


with mlflow.start_run():
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    study.optimize(objective, n_trials=4)
    best = study.best_params
    mlflow.log_metric("best_trial_loss", study.best_value)
best_loss = best["alpha"] ** 2
