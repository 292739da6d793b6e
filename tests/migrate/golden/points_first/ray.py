import numpy as np
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0
LAYERS = ["small", "large"]
space = {
    "lr": tune.loguniform(1e-4, 1),
    "layers": tune.choice(LAYERS),
    "n": tune.randint(1, 10),
}


def loss_of(point):
    return abs(np.log10(point["lr"]) + 2) + (point["layers"] == "small") + point["n"] / 10


def run_trial(config):
    return {"loss": loss_of(config)}


tuner = tune.Tuner(
    run_trial,
    param_space=space,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(
            seed=SEED,
            points_to_evaluate=[
                {"lr": 0.01, "layers": "large", "n": 2},
                {"lr": 0.5, "layers": "small", "n": 9},
            ],
        ),
        num_samples=17,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
print(best["layers"])
best_loss = loss_of({"lr": best["lr"], "layers": best["layers"], "n": best["n"]})
