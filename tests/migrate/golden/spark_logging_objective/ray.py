import mlflow
import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def in_child_run(objective, parent_run):
    """Run each trial, on whatever machine, inside a child run of the search's MLflow run."""
    tracking_uri = mlflow.get_tracking_uri()
    experiment_id = parent_run.info.experiment_id
    parent_run_id = parent_run.info.run_id

    def run_trial(config):
        mlflow.set_tracking_uri(tracking_uri)
        with mlflow.start_run(
            experiment_id=experiment_id, nested=True, parent_run_id=parent_run_id
        ):
            mlflow.log_params(config)
            result = objective(config)
            mlflow.log_metric("loss", result["loss"])
            return result

    return run_trial


def objective(params):
    loss = (params["x"] - 1) ** 2
    mlflow.log_metric("squared", loss)
    return {"loss": loss, "status": "ok"}


with mlflow.start_run(nested=True) as parent_run:
    tuner = tune.Tuner(
        in_child_run(objective, parent_run),
        param_space={"x": tune.uniform(-3, 3)},
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
            num_samples=6,
            max_concurrent_trials=2,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    mlflow.log_metric("best_trial_loss", results.get_best_result().metrics["loss"])
best = results.get_best_result().config
best_loss = (best["x"] - 1) ** 2
