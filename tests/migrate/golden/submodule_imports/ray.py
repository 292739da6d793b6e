import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0
space = {"n": tune.randint(2, 20), "w": tune.randint(1, 5)}


def objective(params):
    try:
        loss = 100 / (params["n"] - 5) ** 2 + params["w"]
    except ZeroDivisionError:
        return {"loss": float("nan"), "status": "fail"}
    if loss > 90: return {"loss": 90.0}
    return {
        "loss": loss
        + 0.5,
        "w": params["w"],
    }


tuner = tune.Tuner(
    objective,
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
