from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def tune_result(result):
    """Return what Ray Tune takes for a result: a dict with a loss, NaN where it failed."""
    if not isinstance(result, dict):
        return {"loss": result}
    if result.get("status", "ok") != "ok":
        return {**result, "loss": float("nan")}
    return result


def objective(params):
    params["depth"] = int(params["depth"])
    params.update({"fixed": 1})
    del params["unused"]
    loss = abs(params["depth"] - 5) + params["gamma"]
    result = {"loss": loss, "status": "ok"}
    result["params"] = params
    return result


def run_trial(config):
    return tune_result(objective(dict(config)))


tuner = tune.Tuner(
    run_trial,
    param_space=dict(
        depth=tune.quniform(1, 12, 1), gamma=tune.uniform(0, 1), unused=None
    ),
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
