import optuna

SEED = 0
best_losses = {}
for target in (1, 2):

    def objective(trial):
        x = trial.suggest_float("x", 0, 3)
        return (x - target) ** 2

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    study.optimize(objective, n_trials=10)
    best_losses[target] = study.best_value
best_loss = sum(best_losses.values())
