import math

import numpy as np
import optuna
import pandas as pd
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0
space = {
    "lr": tune.loguniform(math.exp(-6), 1),
    "n": tune.qrandint(10, 100, 5),
    "kind": tune.choice(["a", "b"]),
}


def objective(params):
    lr, n = params["lr"], params["n"]
    loss = (np.log(lr) + 3) ** 2 + n / 50 + (params["kind"] == "a")
    return {"loss": loss, "auc": 1 - loss, "eval_time": 0.5}


tuner = tune.Tuner(
    objective,
    param_space=space,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(sampler=optuna.samplers.RandomSampler(seed=SEED)),
        num_samples=30,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
frame = pd.DataFrame([t.metrics for t in results])
print(frame[["loss", "auc"]].describe())
rates = [t.config["lr"] for t in results if "lr" in t.config]
losses = [t.metrics["loss"] for t in results]
print(len(rates), max(losses), best_result.config)
tuned = pd.DataFrame({"lr": [t.config["lr"] for t in results if "lr" in t.config], "loss": [t.metrics.get("loss") for t in results]})
best_loss = float(tuned["loss"].min())
for i, trial in enumerate(results):
    print(i, trial.config["lr"], trial.metrics["auc"])
