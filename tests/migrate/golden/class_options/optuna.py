import optuna

SEED = 0


class Ridge:
    offset = 0.5


class Lasso:
    offset = 0.1


def suggest_option(trial, name, options):
    """Suggest one of some options; the study holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


def objective(trial):
    params = search_space(trial)
    model = params["model"]
    width = sum(params["layers"])
    trial.set_user_attr("model", model())
    return model.offset + abs(width - 96) / 96 + params["p"]


def search_space(trial):
    return {
        "model": suggest_option(trial, "model", [Ridge, Lasso]),
        "layers": suggest_option(trial, "layers", [(64,), (64, 32), (128,)]),
        "p": trial.suggest_categorical("p", [0.0, 0.5]),
    }


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=20)
best = study.best_params
best_model = study.best_trial.user_attrs["model"]
best_loss = study.best_value
