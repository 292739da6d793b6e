import optuna

SEED = 0


def objective(trial):
    p = {"x": trial.suggest_float("x", -1, 1)}
    return p["x"] ** 2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=12)
best = study.best_params
best_loss = study.best_value
