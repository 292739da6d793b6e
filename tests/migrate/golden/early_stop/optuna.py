import optuna

SEED = 0


class StopWithoutProgress:
    """Stop a study after a number of trials in a row that did not improve on the best loss."""

    def __init__(self, patience, percent=0.0):
        self.patience = patience
        self.percent = percent
        self.best = None
        self.waited = 1  # the first trial counts

    def __call__(self, study, trial):
        if trial.value is None:  # it failed
            return
        if self.best is None:
            self.best = trial.value
        elif trial.value < self.best - abs(self.best) * self.percent / 100:
            self.best = trial.value
            self.waited = 0
        else:
            self.waited += 1
            if self.waited >= self.patience:
                study.stop()


class StopAtLoss:
    """Stop a study as soon as a loss is below a threshold."""

    def __init__(self, loss):
        self.loss = loss

    def __call__(self, study, trial):
        if trial.value is not None and trial.value < self.loss:
            study.stop()


def objective(trial):
    params = {"x": trial.suggest_float("x", 0, 1)}
    return (params["x"] - 0.5) ** 2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(
    objective,
    n_trials=40,
    callbacks=[StopWithoutProgress(15, percent=1), StopAtLoss(0.000001)],
)
best = study.best_params
best_loss = study.best_value
