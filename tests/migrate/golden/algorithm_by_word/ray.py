import optuna
from ray import tune as ray_tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def distance(place):
    x, y = place["x"], place["y"]
    return (x - 2) ** 2 + abs(y) + (place["metric"] == "taxi")


def tune(space, evals: int = 15, method: str = "random"):
    if method == "random":
        method = optuna.samplers.RandomSampler
    elif method == "tpe":
        method = optuna.samplers.TPESampler

    def run_trial(config):
        return {"loss": distance(config)}

    tuner = ray_tune.Tuner(
        run_trial,
        param_space=space,
        tune_config=ray_tune.TuneConfig(
            metric="loss",
            mode="min",
            search_alg=OptunaSearch(sampler=method(seed=SEED)),
            num_samples=evals,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    best_result = results.get_best_result()
    return best_result.config


plane = {
    "x": ray_tune.uniform(-5, 5),
    "y": ray_tune.quniform(-4, 4, 2),
    "metric": ray_tune.choice(["taxi", "euclid"]),
}
nearest = tune(plane, 10, method="tpe")
best_loss = min(distance(nearest), distance(tune(plane)))
