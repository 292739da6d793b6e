import optuna

SEED = 0


def base(trial):
    return trial.suggest_float("base", 0, 1)


def search_space(trial):
    return {
        "size": 2 * trial.suggest_int("half", 1, 8),
        "ratio": base(trial) / 2 + 0.25,
        "power": 10 ** trial.suggest_float("exponent", -3, 0),
    }


def objective(trial):
    params = search_space(trial)
    return abs(params["size"] - 8) + params["ratio"] + params["power"]


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
study.optimize(objective, n_trials=20)
best = study.best_params
best_loss = abs(2 * int(best["half"]) - 8) + best["base"] / 2 + 0.25 + 10 ** best["exponent"]
