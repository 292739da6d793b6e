# Databricks notebook source
# MAGIC %md
# MAGIC # Tuning with SparkTrials

# COMMAND ----------

# MAGIC %pip install hyperopt

# COMMAND ----------

import contextlib
import logging
import math
import pickle
import traceback
import uuid
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from statistics import NormalDist

import mlflow
import numpy as np
import optuna
from pyspark import cloudpickle
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

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


def keep_result(trial, result):
    """Keep what an objective returned with the trial, and return the loss."""
    if not isinstance(result, dict):
        return result
    is_ok = result.get("status", "ok") == "ok"
    for key, value in result.items():
        if not is_ok or key not in ("loss", "status"):
            trial.set_user_attr(key, value)
    return result["loss"] if is_ok else float("nan")


def run_in_task(spark, function, point, run):
    """Call a function in a Spark job of one task; what it logs goes to an MLflow run."""
    uri = mlflow.get_tracking_uri()

    def call(_):
        try:
            mlflow.set_tracking_uri(uri)
            with mlflow.start_run(run_id=run.info.run_id):
                return cloudpickle.dumps((function(point), None))
        except BaseException:  # also SystemExit: it ends this trial alone
            return cloudpickle.dumps((None, traceback.format_exc()))

    column = udf(call, "binary", useArrow=False)("id")
    rows = spark.range(0, 1, 1, 1).select(column).collect()
    result, error = pickle.loads(rows[0][0])
    if error is not None:
        raise RuntimeError(error)
    return result


def start_child_run(trial):
    """Start a run for a trial, as a child of the active run."""
    parent = mlflow.active_run().info
    return mlflow.MlflowClient().create_run(
        parent.experiment_id,
        tags={"mlflow.parentRunId": parent.run_id},
        run_name=f"trial-{trial.number}",
    )


def end_child_run(run, trial, status):
    """Log what became of a trial to its run, and end that."""
    client, run_id = mlflow.MlflowClient(), run.info.run_id
    logged = client.get_run(run_id).data.params  # by the objective itself
    params = {k: v for k, v in values_of(trial).items() if k not in logged}
    mlflow.log_params(params, run_id=run_id)
    if status == "success":
        mlflow.log_metric("loss", trial.value, run_id=run_id)
    client.set_tag(run_id, "trial_status", status)
    ends = {"success": "FINISHED", "failure": "FAILED", "cancelled": "KILLED"}
    client.set_terminated(run_id, ends[status])


def tell_result(study, trial, job):
    """Tell a study how the job of a trial ended."""
    try:
        return study.tell(trial, keep_result(trial, job.result()))
    except Exception as error:
        logging.getLogger(__name__).warning("Trial %d failed: %s", trial.number, error)
        return study.tell(trial, state=optuna.trial.TrialState.FAIL)


def optimize_on_spark(study, objective, search_space, *, n_trials, parallelism):
    """Minimize an objective on Spark: each trial is a job of one task.

    The study is asked and told here. Executors need what the objective imports, no more.
    """
    spark = SparkSession.builder.getOrCreate()
    context = getattr(spark, "sparkContext", None)  # Spark Connect has none
    add_tag = context.addJobTag if context else spark.addTag
    cancel = context.cancelJobsWithTag if context else spark.interruptTag
    tag = f"study-{uuid.uuid4().hex}"  # of the jobs of this call
    running = {}

    def run(point, child):
        add_tag(tag)  # to this thread
        return run_in_task(spark, objective, point, child)

    active = mlflow.active_run()
    parent = contextlib.nullcontext() if active else mlflow.start_run()
    with parent, ThreadPoolExecutor(parallelism) as pool:
        try:
            while True:
                while n_trials > 0 and len(running) < parallelism:
                    trial = study.ask()
                    point = search_space(trial)
                    child = start_child_run(trial)
                    running[pool.submit(run, point, child)] = trial, child
                    n_trials -= 1
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                if not done:  # no trial is left
                    return
                for job in done:
                    trial, child = running[job]
                    ended = tell_result(study, trial, job)
                    status = "failure" if ended.value is None else "success"
                    end_child_run(child, ended, status)
                    if status == "success" and ended.value == study.best_value:
                        mlflow.log_metric("best_trial_loss", ended.value)
                    del running[job]
        finally:
            waiting = running
            while waiting:
                cancel(tag)  # again: a job may have begun meanwhile
                waiting = wait(waiting, timeout=1).not_done
            for trial, child in running.values():
                failed = optuna.trial.TrialState.FAIL
                ended = study.tell(trial, state=failed, skip_if_finished=True)
                status = "cancelled" if ended.value is None else "success"
                end_child_run(child, ended, status)


def objective(params):
    """Train one."""
    try:
        loss = train(params["C"], params["kernel"])
    except Exception as exc:
        return {"status": "fail", "exception": str(exc)}
    mlflow.log_metric("accuracy", 1 - loss)
    return {"loss": loss, "status": "ok"}

# COMMAND ----------

def search_space(trial):
    return {
        "C": suggest_normal(trial, "C", 0, 1.0, log=True),
        "kernel": trial.suggest_categorical("kernel", ["linear", "rbf"]),
    }

# COMMAND ----------

with mlflow.start_run(run_name="svc"):
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    optimize_on_spark(study, objective, search_space, n_trials=16, parallelism=2)
    argmin = values_of(study.best_trial)

# COMMAND ----------

# MAGIC %md Print the best value

# COMMAND ----------

print("Best value found: ", argmin)
print(search_space(optuna.trial.FixedTrial(argmin)))
best_loss = study.best_value
