import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def objective(p):
    return {"loss": p["x"] ** 2, "status": "ok"}


tuner = tune.Tuner(
    objective,
    param_space={"x": tune.uniform(-1, 1)},
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(
            sampler=optuna.samplers.TPESampler(
                multivariate=True,
                constant_liar=True,
                seed=SEED,
            ),
        ),
        num_samples=12,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best = results.get_best_result().config
best_loss = results.get_best_result().metrics["loss"]
