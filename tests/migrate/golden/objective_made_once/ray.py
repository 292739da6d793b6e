from functools import partial

from ray import tune as ray_tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0
loaded = []


def load(path):
    loaded.append(path)
    return [(1, 2), (2, 4.1), (3, 5.9)]


class Objective:
    def __init__(self, path):
        self.data = load(path)

    def __call__(self, params):
        return sum((params["w"] * x - y) ** 2 for x, y in self.data)


def train(params, data):
    return {"loss": sum((params["v"] * x - y) ** 2 for x, y in data), "status": "ok"}


objective = Objective("data.csv")


def run_trial(config):
    return {"loss": objective(config)}


tuner = ray_tune.Tuner(
    run_trial,
    param_space={"w": ray_tune.uniform(-4, 4)},
    tune_config=ray_tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(seed=SEED),
        num_samples=15,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config


def tune():
    objective_2 = partial(train, data=load("more.csv"))

    def run_trial_2(config):
        return objective_2(config)

    tuner_2 = ray_tune.Tuner(
        run_trial_2,
        param_space={"v": ray_tune.uniform(-4, 4)},
        tune_config=ray_tune.TuneConfig(
            metric="loss",
            mode="min",
            search_alg=OptunaSearch(seed=SEED),
            num_samples=16,
            reuse_actors=True,
        ),
    )
    results_2 = tuner_2.fit()
    best_result_2 = results_2.get_best_result()
    return best_result_2.config


more = tune()
assert loaded == ["data.csv", "more.csv"]
best_loss = train({"v": more["v"]}, load("data.csv"))["loss"] + Objective("data.csv")(
    {"w": best["w"]}
)
