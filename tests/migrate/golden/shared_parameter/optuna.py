import optuna

SEED = 0


def suggest_branch(trial, name, branches):
    """Suggest one of some functions of the trial, and call it; the study holds its index."""
    branches = list(branches)
    return branches[trial.suggest_categorical(name, range(len(branches)))](trial)


def rate(trial):
    return trial.suggest_float("rate", 0.001, 1, log=True)


OPTIONS = [
    lambda trial: {"kind": "a", "rate": rate(trial)},
    lambda trial: {
        "kind": "b",
        "rate": rate(trial),
        "momentum": trial.suggest_float("momentum", 0, 1),
    },
]


def search_space(trial):
    return suggest_branch(trial, "which", OPTIONS)


def objective(p):
    return abs(p["rate"] - 0.1) + p.get("momentum", 0.5)


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(lambda trial: objective(search_space(trial)), n_trials=20)
best = study.best_params
best_loss = objective(search_space(study.best_trial))
