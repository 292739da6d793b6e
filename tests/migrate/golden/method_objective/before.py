import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, tpe

SEED = 0


class Tuner:
    def __init__(self, target):
        self.target = target

    def evaluate(self, params):
        return {"loss": abs(params["x"] - self.target), "status": STATUS_OK}

    def run(self):
        space = {"x": hp.uniform("x", 0, 10)}
        self.trials = None
        trials = Trials()
        best = fmin(self.evaluate, space, algo=tpe.suggest, max_evals=20, trials=trials,
                    rstate=np.random.default_rng(SEED), show_progressbar=False)
        return best, trials.best_trial["result"]["loss"]


best, best_loss = Tuner(4).run()
