import optuna

SEED = 0


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    return (x - 3) ** 2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=20)
best = study.best_params
best_loss = (best["x"] - 3) ** 2
