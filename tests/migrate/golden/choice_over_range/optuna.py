import optuna

SEED = 0


def suggest_search_space(trial):
    return {
        "n_estimators": trial.suggest_int("n_estimators", 10, 100, step=10),
        "max_depth": trial.suggest_int("max_depth", 1, 13),
        "eta": trial.suggest_categorical("eta", [0.01, 0.1, 0.3]),
        "leaves": trial.suggest_int("leaves", 10, 60, step=5),
        "l1": trial.suggest_int("l1", 1, 500, log=True),
    }


def score(params):
    loss = abs(params["n_estimators"] - 60) + abs(params["max_depth"] - 5)
    loss += params["leaves"] + params["l1"] / 100 + params["eta"]
    return {"loss": float(loss), "status": "ok"}


def run_trial(trial):
    return score(suggest_search_space(trial))["loss"]


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(run_trial, n_trials=20)
best = study.best_params
params = suggest_search_space(study.best_trial)
best_loss = score(params)["loss"]
