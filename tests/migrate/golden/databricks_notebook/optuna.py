# Databricks notebook source
# MAGIC %md
# MAGIC # Tuning with hyperopt

# COMMAND ----------

import mlflow
import optuna

SEED = 0

# COMMAND ----------

def log_child_run(study, trial):
    """Log a finished trial as a child run of the search's MLflow run."""
    parent = study.user_attrs["mlflow_parent"]
    with mlflow.start_run(run_name=f"trial-{trial.number}", nested=True, **parent):
        mlflow.log_params(trial.params)
        if trial.state == optuna.trial.TrialState.COMPLETE:
            mlflow.log_metric("loss", trial.value)
            mlflow.set_tag("trial_status", "success")
        else:
            mlflow.set_tag("trial_status", "failure")
            mlflow.end_run("FAILED")


def search_space(trial):
    return {"x": trial.suggest_float("x", 0, 1)}

# COMMAND ----------

def objective(trial):
    params = search_space(trial)
    return params["x"]

# COMMAND ----------

study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
with mlflow.start_run() as parent_run:
    study.set_user_attr(
        "mlflow_parent",
        {
            "experiment_id": parent_run.info.experiment_id,
            "parent_run_id": parent_run.info.run_id,
        },
    )
    study.optimize(
        objective, n_trials=6, n_jobs=2, catch=(Exception,), callbacks=[log_child_run]
    )
    mlflow.log_metric("best_trial_loss", study.best_value)
best = study.best_params

# COMMAND ----------

best_loss = best["x"]
