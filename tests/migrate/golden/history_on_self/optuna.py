import optuna

SEED = 0


class HPOptimizer:
    """Tunes a model and keeps a history of what was tried."""

    def __init__(self, target):
        self.target = target
        self.history = []
        self.best_score = None
        self.calls = 0

    def evaluate(self, params):
        score = 1 - abs(params["rate"] - self.target) - 0.01 * abs(params["layers"] - 3)
        self.history.append({**params, "score": score})
        return score

    def objective(self, params):
        self.calls += 1
        score = self.evaluate(params)
        if self.best_score is None or score > self.best_score:
            self.best_score = score
        return {"loss": -score, "status": "ok"}

    def run(self, n):
        def search_space(trial):
            return {
                "rate": trial.suggest_float("rate", 0, 1),
                "layers": trial.suggest_categorical("layers", [1, 2, 3, 4]),
            }

        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
        study.optimize(
            lambda trial: self.objective(search_space(trial))["loss"], n_trials=n
        )
        return max(self.history, key=lambda entry: entry["score"])


tuner = HPOptimizer(0.3)
best = tuner.run(20)
best_loss = -tuner.best_score
print(best["layers"], len(tuner.history))
