import math

import mlflow
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def objective(params, tracking_uri, mlflow_parent):
    mlflow.set_tracking_uri(tracking_uri)
    with mlflow.start_run(nested=True, **mlflow_parent):
        mlflow.log_params(params)
        loss = params["alpha"] ** 2
        mlflow.log_metric("mse", loss)
        return {"loss": loss}


with mlflow.start_run() as parent_run:
    tuner = tune.Tuner(
        tune.with_parameters(
            objective,
            tracking_uri=mlflow.get_tracking_uri(),
            mlflow_parent={
                "experiment_id": parent_run.info.experiment_id,
                "parent_run_id": parent_run.info.run_id,
            },
        ),
        param_space={"alpha": tune.loguniform(math.exp(-5), 1)},
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            search_alg=OptunaSearch(seed=SEED),
            num_samples=4,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    best_result = results.get_best_result()
    best = best_result.config
    mlflow.log_metric("best_trial_loss", best_result.metrics["loss"])
best_loss = best["alpha"] ** 2
