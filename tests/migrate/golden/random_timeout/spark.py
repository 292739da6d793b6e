import logging
import math
import pickle
import threading
import time
import traceback
import uuid
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import optuna
from pyspark import cloudpickle
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

SEED = 0


def suggest_log_steps(trial, name, low, high, *, step):
    """Suggest a multiple of a step whose logarithm is about uniform.

    The study holds the number before rounding under the name, and the rounded one as a
    user attribute of the trial.
    """
    value = round(trial.suggest_float(name, low, high, log=True) / step, 0) * step
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


def run_in_task(spark, function, point):
    """Call a function in a Spark job of one task, and return what it returns."""

    def call(_):
        try:
            return cloudpickle.dumps((function(point), None))
        except BaseException:  # also SystemExit: it ends this trial alone
            return cloudpickle.dumps((None, traceback.format_exc()))

    column = udf(call, "binary", useArrow=False)("id")
    rows = spark.range(0, 1, 1, 1).select(column).collect()
    result, error = pickle.loads(rows[0][0])
    if error is not None:
        raise RuntimeError(error)
    return result


def tell_result(study, trial, job):
    """Tell a study how the job of a trial ended."""
    try:
        return study.tell(trial, keep_result(trial, job.result()))
    except Exception as error:
        logging.getLogger(__name__).warning("Trial %d failed: %s", trial.number, error)
        return study.tell(trial, state=optuna.trial.TrialState.FAIL)


def optimize_on_spark(
    study, objective, search_space, *, n_trials, parallelism, timeout=None
):
    """Minimize an objective on Spark: each trial is a job of one task.

    The study is asked and told here. Executors need what the objective imports, no more.
    """
    spark = SparkSession.builder.getOrCreate()
    context = getattr(spark, "sparkContext", None)  # Spark Connect has none
    add_tag = context.addJobTag if context else spark.addTag
    cancel = context.cancelJobsWithTag if context else spark.interruptTag
    tag = f"study-{uuid.uuid4().hex}"  # of the jobs of this call
    end = time.monotonic() + (threading.TIMEOUT_MAX if timeout is None else timeout)
    running = {}

    def run(point):
        add_tag(tag)  # to this thread
        return run_in_task(spark, objective, point)

    with ThreadPoolExecutor(parallelism) as pool:
        try:
            while True:
                while n_trials > 0 and len(running) < parallelism:
                    if time.monotonic() > end:
                        break
                    trial = study.ask()
                    point = search_space(trial)
                    running[pool.submit(run, point)] = trial
                    n_trials -= 1
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                if not done:  # no trial is left, or no time
                    return
                for job in done:
                    trial = running[job]
                    tell_result(study, trial, job)
                    del running[job]
        finally:
            waiting = running
            while waiting:
                cancel(tag)  # again: a job may have begun meanwhile
                waiting = wait(waiting, timeout=1).not_done
            for trial in running.values():
                failed = optuna.trial.TrialState.FAIL
                study.tell(trial, state=failed, skip_if_finished=True)


def search_space(trial):
    return {
        "q": trial.suggest_float("q", 0, 8, step=4),
        "r": suggest_log_steps(trial, "r", 1, math.exp(4), step=3),
    }


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
optimize_on_spark(
    study,
    lambda p: {"loss": abs(p["q"] - 6) + p["r"], "status": "ok"},
    search_space,
    n_trials=20,
    parallelism=1,
    timeout=60,
)
best = values_of(study.best_trial)
best_loss = abs(best["q"] - 6) + best["r"]
