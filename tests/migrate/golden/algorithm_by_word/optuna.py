import optuna

SEED = 0


def distance(place):
    x, y = place["x"], place["y"]
    return (x - 2) ** 2 + abs(y) + (place["metric"] == "taxi")


def tune(space, evals: int = 15, method: str = "random"):
    if method == "random":
        method = optuna.samplers.RandomSampler
    elif method == "tpe":
        method = optuna.samplers.TPESampler
    study = optuna.create_study(sampler=method(seed=SEED))
    study.optimize(lambda trial: distance(space(trial)), n_trials=evals)
    return space(study.best_trial)


def plane(trial):
    return {
        "x": trial.suggest_float("x", -5, 5),
        "y": trial.suggest_float("y", -4, 4, step=2),
        "metric": trial.suggest_categorical("metric", ["taxi", "euclid"]),
    }


nearest = tune(plane, 10, method="tpe")
best_loss = min(distance(nearest), distance(tune(plane)))
