import numpy as np
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0
search_space = {
    "n_estimators": tune.choice(list(range(10, 110, 10))),
    "max_depth": tune.choice(np.arange(1, 14, 1, dtype=int).tolist()),
    "eta": tune.choice([0.01, 0.1, 0.3]),
    "leaves": tune.qrandint(10, 60, 5),
    "l1": tune.lograndint(1, 501),
}


def score(params):
    loss = abs(params["n_estimators"] - 60) + abs(params["max_depth"] - 5)
    loss += params["leaves"] + params["l1"] / 100 + params["eta"]
    return {"loss": float(loss), "status": "ok"}


tuner = tune.Tuner(
    score,
    param_space=search_space,
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
params = best_result.config
best_loss = score(params)["loss"]
