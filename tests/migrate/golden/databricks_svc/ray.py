# Databricks notebook source
# MAGIC %md
# MAGIC # Tuning with SparkTrials

# COMMAND ----------

# MAGIC %pip install hyperopt

# COMMAND ----------

import math
from statistics import NormalDist

import mlflow
import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

# COMMAND ----------

SEED = 0


def train(C, kernel):
    return (np.log(C) - 1) ** 2 + (kernel == "linear")


def suggest_normal(trial, name, mu, sigma, *, log=False):
    """Suggest a normally distributed number.

    Optuna's parameters are bounded: the searcher holds a quantile under the name, and the
    number itself as a user attribute of the trial.
    """
    if isinstance(trial, optuna.trial.FixedTrial):  # it holds the number itself
        return trial.suggest_float(name, -1e300, 1e300)
    quantile = trial.suggest_float(name, 1e-9, 1 - 1e-9)
    value = NormalDist(mu, 1.5 * sigma).inv_cdf(quantile)  # wider: TPE narrows it down
    if log:
        value = math.exp(value)
    trial.set_user_attr(f"{name}:value", value)
    return value


def values_of(trial):
    """Return a trial's values, also those that the searcher holds in another form."""
    held = trial.user_attrs
    return {
        name: held.get(f"{name}:value", value) for name, value in trial.params.items()
    }


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


def objective(config):
    """Train one."""
    params = search_space(optuna.trial.FixedTrial(config))
    try:
        loss = train(params["C"], params["kernel"])
    except Exception as exc:
        return {"loss": float("nan"), "status": "fail", "exception": str(exc)}
    mlflow.log_metric("accuracy", 1 - loss)
    return {"loss": loss}

# COMMAND ----------

def search_space(trial):
    return {
        "C": suggest_normal(trial, "C", 0, 1.0, log=True),
        "kernel": trial.suggest_categorical("kernel", ["linear", "rbf"]),
    }

# COMMAND ----------

with mlflow.start_run(run_name="svc") as parent_run:
    def ask_for_parameters(trial):
        """Ask for a trial's parameters; Ray Tune hands them on as its config."""
        search_space(trial)
        return values_of(trial)

    tuner = tune.Tuner(
        in_child_run(objective, parent_run),
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            search_alg=OptunaSearch(
                ask_for_parameters,
                metric="loss",
                mode="min",
                seed=SEED,
            ),
            num_samples=16,
            max_concurrent_trials=2,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    best_result = results.get_best_result()
    mlflow.log_metric("best_trial_loss", best_result.metrics["loss"])
    argmin = best_result.config

# COMMAND ----------

# MAGIC %md Print the best value

# COMMAND ----------

print("Best value found: ", argmin)
print(search_space(optuna.trial.FixedTrial(argmin)))
best_loss = best_result.metrics["loss"]
