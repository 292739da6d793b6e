import optuna

SEED = 0


class Ridge:
    offset = 0.5


class Lasso:
    offset = 0.1


def objective(trial):
    params = {
        "model": {
            "Ridge": Ridge,
            "Lasso": Lasso,
        }[trial.suggest_categorical("model", ["Ridge", "Lasso"])],
        "layers": {
            "64": (64,),
            "64, 32": (64, 32),
            "128": (128,),
        }[trial.suggest_categorical("layers", ["64", "64, 32", "128"])],
        "p": trial.suggest_categorical("p", [0.0, 0.5]),
    }
    model = params["model"]
    width = sum(params["layers"])
    trial.set_user_attr("model", model())
    return model.offset + abs(width - 96) / 96 + params["p"]


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=20)
best = study.best_params
best_model = study.best_trial.user_attrs["model"]
best_loss = study.best_value
