import optuna

SEED = 0


def suggest_space(trial):
    return {
        "n": trial.suggest_int("n", 2, 19),
        "w": trial.suggest_int("w", 1, 4),
    }


def objective(trial):
    params = suggest_space(trial)
    try:
        loss = 100 / (params["n"] - 5) ** 2 + params["w"]
    except ZeroDivisionError:
        return float("nan")  # a failed trial
    if loss > 90: return 90.0
    trial.set_user_attr("w", params["w"])
    return (loss
        + 0.5)


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
study.optimize(objective, n_trials=20)
best = study.best_params
assert suggest_space(study.best_trial)["n"] == best["n"]
best_loss = study.best_value
