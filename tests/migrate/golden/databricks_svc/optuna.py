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

# COMMAND ----------

SEED = 0


def train(C, kernel):
    return (np.log(C) - 1) ** 2 + (kernel == "linear")


def suggest_normal(trial, name, mu, sigma, *, log=False):
    """Suggest a normally distributed number.

    Optuna's parameters are bounded: the study holds a quantile under the name, and the
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
    """Return a trial's values, also those that the study holds in another form."""
    held = trial.user_attrs
    return {
        name: held.get(f"{name}:value", value) for name, value in trial.params.items()
    }


def in_child_run(objective):
    """Run each trial inside a child run of the search's MLflow run."""

    def run_trial(trial):
        parent = trial.study.user_attrs["mlflow_parent"]
        with mlflow.start_run(
            run_name=f"trial-{trial.number}", nested=True, **parent
        ) as run:
            try:
                loss = objective(trial)
            finally:  # the objective may have logged some of them itself
                logged = mlflow.get_run(run.info.run_id).data.params
                values = values_of(trial)
                mlflow.log_params({k: v for k, v in values.items() if k not in logged})
            mlflow.log_metric("loss", loss)
            return loss

    return run_trial


def objective(trial):
    """Train one."""
    params = search_space(trial)
    try:
        loss = train(params["C"], params["kernel"])
    except Exception as exc:
        trial.set_user_attr("exception", str(exc))
        trial.set_user_attr("status", "fail")
        return float("nan")
    mlflow.log_metric("accuracy", 1 - loss)
    return loss

# COMMAND ----------

def search_space(trial):
    return {
        "C": suggest_normal(trial, "C", 0, 1.0, log=True),
        "kernel": trial.suggest_categorical("kernel", ["linear", "rbf"]),
    }

# COMMAND ----------

with mlflow.start_run(run_name="svc") as parent_run:
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    study.set_user_attr(
        "mlflow_parent",
        {
            "experiment_id": parent_run.info.experiment_id,
            "parent_run_id": parent_run.info.run_id,
        },
    )
    study.optimize(in_child_run(objective), n_trials=16, n_jobs=2, catch=(Exception,))
    mlflow.log_metric("best_trial_loss", study.best_value)
    argmin = values_of(study.best_trial)

# COMMAND ----------

# MAGIC %md Print the best value

# COMMAND ----------

print("Best value found: ", argmin)
print(search_space(optuna.trial.FixedTrial(argmin)))
best_loss = study.best_value
