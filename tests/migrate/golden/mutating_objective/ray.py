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
        search_alg=OptunaSearch(seed=SEED),
        num_samples=20,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
best_loss = best_result.metrics["loss"]
print(best_result.metrics["params"]["fixed"])
