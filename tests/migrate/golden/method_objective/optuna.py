import optuna

SEED = 0


class Tuner:
    def __init__(self, target):
        self.target = target

    def evaluate(self, params):
        return {"loss": abs(params["x"] - self.target), "status": "ok"}

    def run(self):
        def search_space(trial):
            return {"x": trial.suggest_float("x", 0, 10)}

        self.trials = None
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
        study.optimize(
            lambda trial: self.evaluate(search_space(trial))["loss"], n_trials=20
        )
        best = study.best_params
        return best, study.best_value


best, best_loss = Tuner(4).run()
