import math
import mlflow
import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def objective(params):
    with mlflow.start_run(nested=True):
        mlflow.log_params(params)
        loss = params["alpha"] ** 2
        mlflow.log_metric("mse", loss)
        return {"loss": loss, "status": "ok"}


with mlflow.start_run():
    tuner = tune.Tuner(
        objective,
        param_space={"alpha": tune.loguniform(math.exp(-5), 1)},
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
            num_samples=4,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    best = results.get_best_result().config
    mlflow.log_metric("best_trial_loss", results.get_best_result().metrics["loss"])
best_loss = best["alpha"] ** 2
