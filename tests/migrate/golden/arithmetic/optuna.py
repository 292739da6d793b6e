import optuna

SEED = 0


def objective(trial):
    params = {
        "size": 2 * trial.suggest_int("half", 1, 8),
        "ratio": trial.suggest_float("base", 0, 1) / 2 + 0.25,
        "power": 10 ** trial.suggest_float("exponent", -3, 0),
    }
    return abs(params["size"] - 8) + params["ratio"] + params["power"]


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
study.optimize(objective, n_trials=20)
best = study.best_params
best_loss = abs(2 * int(best["half"]) - 8) + best["base"] / 2 + 0.25 + 10 ** best["exponent"]
