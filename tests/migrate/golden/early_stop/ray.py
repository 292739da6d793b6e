from ray import tune
from ray.tune.search.optuna import OptunaSearch
from ray.tune.stopper import CombinedStopper

SEED = 0


class StopWithoutProgress(tune.Stopper):
    """Stop after a number of results in a row that did not improve on the best loss."""

    def __init__(self, patience, percent=0.0):
        self.patience = patience
        self.percent = percent
        self.best = None
        self.waited = 1  # the first result counts
        self.is_stuck = False
        self.seen = set()

    def __call__(self, trial_id, result):
        if trial_id in self.seen:  # Tune shows it again when the trial ends
            return False
        self.seen.add(trial_id)
        loss = result["loss"]
        if self.best is None:
            self.best = loss
        elif loss < self.best - abs(self.best) * self.percent / 100:
            self.best = loss
            self.waited = 0
        else:
            self.waited += 1
            self.is_stuck = self.waited >= self.patience
        return False

    def stop_all(self):
        return self.is_stuck


class StopAtLoss(tune.Stopper):
    """Stop as soon as a loss is below a threshold."""

    def __init__(self, loss):
        self.loss = loss
        self.is_reached = False

    def __call__(self, trial_id, result):
        self.is_reached = self.is_reached or result["loss"] < self.loss
        return False

    def stop_all(self):
        return self.is_reached


def objective(params):
    return {"loss": (params["x"] - 0.5) ** 2}


tuner = tune.Tuner(
    objective,
    param_space={"x": tune.uniform(0, 1)},
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(seed=SEED),
        num_samples=40,
        reuse_actors=True,
    ),
    run_config=tune.RunConfig(
        stop=CombinedStopper(StopWithoutProgress(15, percent=1), StopAtLoss(0.000001)),
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
best_loss = best_result.metrics["loss"]
