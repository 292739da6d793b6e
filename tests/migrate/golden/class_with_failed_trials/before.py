from functools import partial
from typing import Any, Dict

import numpy as np
from hyperopt import STATUS_FAIL, STATUS_OK, Trials, fmin, hp, space_eval, tpe

SEED = 0


class Tuner:
    """Tunes a model."""

    def __init__(self, target: float, max_evals: int = 20) -> None:
        self.target = target
        self.max_evals = max_evals
        self.trials = None

    def objective(self, params: Dict[str, Any]) -> Dict[str, Any]:
        if params["a"] > 4.9:
            return {"status": STATUS_FAIL}
        loss = (params["a"] - self.target) ** 2 + params["b"]
        return {"loss": loss, "status": STATUS_OK, "params": params}

    def run(self) -> Dict[str, Any]:
        space = {
            "a": hp.uniform("a", -5, 5),
            "b": hp.quniform("b", 0, 10, 2),
        }
        trials = Trials()
        best = fmin(
            fn=self.objective,
            space=space,
            algo=partial(tpe.suggest, n_startup_jobs=20),
            max_evals=self.max_evals,
            trials=trials,
            rstate=np.random.default_rng(SEED),
            show_progressbar=False,
        )
        self.best = space_eval(space, best)
        self.best_loss = trials.best_trial["result"]["loss"]
        return self.best


tuner = Tuner(target=1.5)
tuner.run()
best_loss = tuner.best_loss
