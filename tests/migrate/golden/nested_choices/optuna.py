import optuna

SEED = 0


def suggest_branch(trial, name, branches):
    """Suggest one of some functions of the trial, and call it; the study holds its index."""
    branches = list(branches)
    return branches[trial.suggest_categorical(name, range(len(branches)))](trial)


def search_space(trial):
    return {
        "model": suggest_branch(
            trial,
            "model",
            [
                lambda trial: {
                    "name": "linear",
                    "penalty": suggest_branch(
                        trial,
                        "penalty",
                        [
                            lambda trial: "l1",
                            lambda trial: {"elastic": trial.suggest_float("mix", 0, 1)},
                        ],
                    ),
                },
                lambda trial: {
                    "name": "net",
                    "layers": (
                        trial.suggest_int("width", 0, 7),
                        trial.suggest_categorical("act", ["relu", "tanh"]),
                    ),
                },
            ],
        ),
        "seed": 7,
    }


def objective(trial):
    params = search_space(trial)
    model = params["model"]
    if model["name"] == "linear":
        penalty = model["penalty"]
        return 1.0 if penalty == "l1" else penalty["elastic"]
    width, act = model["layers"]
    return abs(width - 4) / 4 + (act == "relu") * 0.1


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=20)
best_loss = study.best_value
