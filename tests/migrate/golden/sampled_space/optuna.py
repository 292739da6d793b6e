import optuna

SEED = 0


def suggest_option(trial, name, options):
    """Suggest one of some options; the study holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


def search_space(trial):
    return {
        "x": trial.suggest_float("x", -1, 1),
        "op": suggest_option(trial, "op", [abs, None]),
    }


print(search_space(optuna.create_study().ask()))


def objective(p):
    return p["x"] ** 2 if p["op"] is None else 1 + p["op"](p["x"])


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(lambda trial: objective(search_space(trial)), n_trials=15)
best = study.best_params
best_loss = objective(search_space(study.best_trial))
