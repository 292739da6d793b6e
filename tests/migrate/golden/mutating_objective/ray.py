import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def objective(params):
    params["depth"] = int(params["depth"])
    params.update({"fixed": 1})
    del params["unused"]
    loss = abs(params["depth"] - 5) + params["gamma"]
    result = {"loss": loss, "status": "ok"}
    result["params"] = params
    return result


tuner = tune.Tuner(
    objective,
    param_space={
        "depth": tune.quniform(1, 12, 1),
        "gamma": tune.uniform(0, 1),
        "unused": None,
    },
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
        num_samples=20,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best = results.get_best_result().config
best_loss = results.get_best_result().metrics["loss"]
print(results.get_best_result().metrics["params"]["fixed"])
