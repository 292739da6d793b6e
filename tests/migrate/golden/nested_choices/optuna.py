import optuna

SEED = 0


def suggest_space(trial):
    model = trial.suggest_categorical("model", ["linear", "net"])
    if model == "linear":
        penalty = trial.suggest_categorical("penalty", ["l1", "elastic"])
        if penalty == "l1":
            penalty_params = "l1"
        else:
            penalty_params = {
                "elastic": trial.suggest_float("mix", 0, 1),
            }
        model_params = {"name": "linear", "penalty": penalty_params}
    else:
        model_params = {
            "name": "net",
            "layers": (
                trial.suggest_int("width", 0, 7),
                trial.suggest_categorical("act", ["relu", "tanh"]),
            ),
        }
    return {"model": model_params, "seed": 7}


def objective(trial):
    params = suggest_space(trial)
    model = params["model"]
    if model["name"] == "linear":
        penalty = model["penalty"]
        return 1.0 if penalty == "l1" else penalty["elastic"]
    width, act = model["layers"]
    return abs(width - 4) / 4 + (act == "relu") * 0.1


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=20)
best_loss = study.best_value
