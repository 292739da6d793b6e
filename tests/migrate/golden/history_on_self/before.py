import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, tpe

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
        return {"loss": -score, "status": STATUS_OK}

    def run(self, n):
        space = {"rate": hp.uniform("rate", 0, 1), "layers": hp.choice("layers", [1, 2, 3, 4])}
        trials = Trials()
        fmin(
            fn=self.objective,
            space=space,
            algo=tpe.suggest,
            max_evals=n,
            trials=trials,
            rstate=np.random.default_rng(SEED),
            show_progressbar=False,
        )
        return max(self.history, key=lambda entry: entry["score"])


tuner = HPOptimizer(0.3)
best = tuner.run(20)
best_loss = -tuner.best_score
print(best["layers"], len(tuner.history))
