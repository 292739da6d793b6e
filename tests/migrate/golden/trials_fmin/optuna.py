import optuna

SEED = 0


def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    return abs(x)


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=10)
best = study.best_params
best_loss = abs(best["x"])
