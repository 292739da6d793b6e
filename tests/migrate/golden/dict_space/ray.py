"""Tune two parameters."""
import numpy as np
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0

# what is searched
space = {
    "x": tune.uniform(-5, 5),  # a number
    # the strength
    "c": tune.loguniform(1e-3, 1e3),
}


def objective(params):
    """Return the loss."""
    loss = (params["x"] - 1) ** 2 + np.log10(params["c"]) ** 2
    return {"loss": loss}


tuner = tune.Tuner(
    objective,
    param_space=space,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(seed=SEED),
        num_samples=20,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
print(best, best_result.config)
best_loss = best_result.metrics["loss"]
