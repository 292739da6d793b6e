import optuna

SEED = 0


def suggest_space(trial):
    which = trial.suggest_categorical("which", ["a", "b"])
    if which == "a":
        return {
            "kind": "a",
            "rate": trial.suggest_float("rate", 0.001, 1, log=True),
        }
    else:
        return {
            "kind": "b",
            "rate": trial.suggest_float("rate", 0.001, 1, log=True),
            "momentum": trial.suggest_float("momentum", 0, 1),
        }


def objective(p):
    return abs(p["rate"] - 0.1) + p.get("momentum", 0.5)


def run_trial(trial):
    return objective(suggest_space(trial))


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(run_trial, n_trials=20)
best = study.best_params
best_loss = objective(suggest_space(study.best_trial))
