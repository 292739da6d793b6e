import optuna

SEED = 0


def suggest_space(trial):
    return {
        "x": trial.suggest_float("x", -1, 1),
        "op": {"abs": abs, "none": None}[trial.suggest_categorical("op", ["abs", "none"])],
    }


print(suggest_space(optuna.create_study().ask()))


def objective(p):
    return p["x"] ** 2 if p["op"] is None else 1 + p["op"](p["x"])


def run_trial(trial):
    return objective(suggest_space(trial))


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(run_trial, n_trials=15)
best = study.best_params
best_loss = objective(suggest_space(study.best_trial))
