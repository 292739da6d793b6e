import optuna

SEED = 0


def objective(trial):
    args = {
        "learning_rate": trial.suggest_float("lr", 0.01, 0.5),
        "depth": trial.suggest_float("max depth", 2, 10, step=1),
    }
    return abs(args["learning_rate"] - 0.1) + args["depth"] / 100


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
study.optimize(objective, n_trials=20)
best_loss = study.best_value
