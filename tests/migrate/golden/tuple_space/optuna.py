import optuna

SEED = 0


def objective(trial):
    args = (
        trial.suggest_float("first", 0, 4),
        trial.suggest_float("second", -3, 3, step=0.25),
    )
    return abs(args[0] - 2) + args[1]


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=20)
best = study.best_params
best_loss = abs(best["first"] - 2) + best["second"]
