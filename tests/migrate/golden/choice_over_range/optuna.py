import numpy as np
import optuna

SEED = 0


def search_space(trial):
    return {
        "n_estimators": trial.suggest_categorical("n_estimators", range(10, 110, 10)),
        "max_depth": trial.suggest_categorical(
            "max_depth", np.arange(1, 14, 1, dtype=int).tolist()
        ),
        "eta": trial.suggest_categorical("eta", [0.01, 0.1, 0.3]),
        "leaves": trial.suggest_int("leaves", 10, 60, step=5),
        "l1": trial.suggest_int("l1", 1, 500, log=True),
    }


def score(params):
    loss = abs(params["n_estimators"] - 60) + abs(params["max_depth"] - 5)
    loss += params["leaves"] + params["l1"] / 100 + params["eta"]
    return {"loss": float(loss), "status": "ok"}


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(lambda trial: score(search_space(trial))["loss"], n_trials=20)
best = study.best_params
params = search_space(study.best_trial)
best_loss = score(params)["loss"]
