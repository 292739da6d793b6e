import optuna
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


space = {"n": tune.randint(2, 20), "w": tune.randint(1, 5)}


def objective(params):
    try:
        loss = 100 / (params["n"] - 5) ** 2 + params["w"]
    except ZeroDivisionError:
        return {"loss": None, "status": "fail"}
    if loss > 90: return {"loss": 90.0, "status": "ok"}
    return {
        "loss": loss
        + 0.5,
        "status": "ok",
        "w": params["w"],
    }


def run_trial(config):
    return tune_result(objective(config))


tuner = tune.Tuner(
    run_trial,
    param_space=space,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(sampler=optuna.samplers.RandomSampler(seed=SEED)),
        num_samples=20,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
assert best_result.config["n"] == best["n"]
best_loss = best_result.metrics["loss"]
