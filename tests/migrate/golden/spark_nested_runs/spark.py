import contextlib
import logging
import os
import pickle
import traceback
import uuid
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import mlflow
import optuna
from pyspark import cloudpickle
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

SEED = 0


def run_in_task(spark, function, point, run):
    """Call a function in a Spark job of one task; what it logs goes to an MLflow run."""
    uri = mlflow.get_tracking_uri()

    def call(_):
        try:
            mlflow.set_tracking_uri(uri)
            os.environ["MLFLOW_EXPERIMENT_ID"] = run.info.experiment_id
            os.environ["MLFLOW_RUN_ID"] = run.info.run_id  # for its start_run
            return cloudpickle.dumps((function(point), None))
        except BaseException:  # also SystemExit: it ends this trial alone
            return cloudpickle.dumps((None, traceback.format_exc()))
        finally:
            mlflow.end_run()
            os.environ.pop("MLFLOW_RUN_ID", None)

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
    params = {k: v for k, v in trial.params.items() if k not in logged}
    mlflow.log_params(params, run_id=run_id)
    if status == "success":
        mlflow.log_metric("loss", trial.value, run_id=run_id)
    client.set_tag(run_id, "trial_status", status)
    ends = {"success": "FINISHED", "failure": "FAILED", "cancelled": "KILLED"}
    client.set_terminated(run_id, ends[status])


def tell_result(study, trial, job):
    """Tell a study how the job of a trial ended."""
    try:
        return study.tell(trial, job.result()["loss"])
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
    with mlflow.start_run(nested=True):
        loss = (params["x"] - 1) ** 2
        mlflow.log_metric("loss", loss)
    return {"loss": loss, "status": "ok"}


with mlflow.start_run():
    def search_space(trial):
        return {"x": trial.suggest_float("x", -3, 3)}

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    optimize_on_spark(study, objective, search_space, n_trials=6, parallelism=2)
    best = study.best_params
best_loss = (best["x"] - 1) ** 2
