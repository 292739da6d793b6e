import mlflow
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def in_child_run(objective, parent_run):
    """Run each trial, on whatever machine, inside a child run of the search's MLflow run."""
    tracking_uri = mlflow.get_tracking_uri()
    parent = {
        "experiment_id": parent_run.info.experiment_id,
        "parent_run_id": parent_run.info.run_id,
    }

    def run_trial(config):
        values = dict(config)
        mlflow.set_tracking_uri(tracking_uri)
        name = tune.get_context().get_trial_name()
        with mlflow.start_run(run_name=name, nested=True, **parent) as run:
            try:
                result = objective(config)
            finally:  # the objective may have logged some of them itself
                logged = mlflow.get_run(run.info.run_id).data.params
                mlflow.log_params({k: v for k, v in values.items() if k not in logged})
            mlflow.log_metric("loss", result["loss"])
            return result

    return run_trial


def objective(params):
    loss = (params["x"] - 1) ** 2
    mlflow.log_metric("squared", loss)
    return {"loss": loss}


with mlflow.start_run(nested=True) as parent_run:
    tuner = tune.Tuner(
        in_child_run(objective, parent_run),
        param_space={"x": tune.uniform(-3, 3)},
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            search_alg=OptunaSearch(seed=SEED),
            num_samples=6,
            max_concurrent_trials=2,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    best_result = results.get_best_result()
    mlflow.log_metric("best_trial_loss", best_result.metrics["loss"])
best = best_result.config
best_loss = (best["x"] - 1) ** 2
