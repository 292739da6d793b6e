import pickle
import traceback
import uuid
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import optuna
from pyspark import cloudpickle
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

SEED = 0


def objective(params):
    return (params["x"] - 0.5) ** 2


class StopWithoutProgress:
    """Stop a study after a number of trials in a row that did not improve on the best loss."""

    def __init__(self, patience, percent=0.0):
        self.patience = patience
        self.percent = percent
        self.best = None
        self.waited = 1  # the first trial counts

    def __call__(self, study, trial):
        if trial.value is None:  # it failed
            return
        if self.best is None:
            self.best = trial.value
        elif trial.value < self.best - abs(self.best) * self.percent / 100:
            self.best = trial.value
            self.waited = 0
        else:
            self.waited += 1
            if self.waited >= self.patience:
                return True


class StopAtLoss:
    """Stop a study as soon as a loss is below a threshold."""

    def __init__(self, loss):
        self.loss = loss

    def __call__(self, study, trial):
        if trial.value is not None and trial.value < self.loss:
            return True


def run_in_task(spark, function, point):
    """Call a function in a Spark job of one task, and return what it returns."""

    def call(_):
        try:
            return cloudpickle.dumps((function(point), None))
        except BaseException as error:
            cause = RuntimeError(traceback.format_exc())  # its frames stay there
            try:  # it may be of a kind that cannot be sent
                sent = cloudpickle.dumps((None, (error, cause)))
                pickle.loads(sent)
                return sent
            except Exception:
                return cloudpickle.dumps((None, (cause, None)))

    column = udf(call, "binary", useArrow=False)("id")
    rows = spark.range(0, 1, 1, 1).select(column).collect()
    result, error = pickle.loads(rows[0][0])
    if error is not None:
        raise error[0] from error[1]
    return result


def optimize_on_spark(
    study, objective, search_space, *, n_trials, parallelism, stops=()
):
    """Minimize an objective on Spark: each trial is a job of one task.

    The study is asked and told here. Executors need what the objective imports, no more.
    """
    spark = SparkSession.builder.getOrCreate()
    context = getattr(spark, "sparkContext", None)  # Spark Connect has none
    add_tag = context.addJobTag if context else spark.addTag
    cancel = context.cancelJobsWithTag if context else spark.interruptTag
    tag = f"study-{uuid.uuid4().hex}"  # of the jobs of this call
    running = {}

    def run(point):
        add_tag(tag)  # to this thread
        return run_in_task(spark, objective, point)

    with ThreadPoolExecutor(parallelism) as pool:
        try:
            while True:
                while n_trials > 0 and len(running) < parallelism:
                    trial = study.ask()
                    point = search_space(trial)
                    running[pool.submit(run, point)] = trial
                    n_trials -= 1
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                if not done:  # no trial is left
                    return
                for job in done:
                    trial = running[job]
                    ended = study.tell(trial, job.result())
                    del running[job]
                    if any(stop(study, ended) for stop in stops):
                        return
        finally:
            waiting = running
            while waiting:
                cancel(tag)  # again: a job may have begun meanwhile
                waiting = wait(waiting, timeout=1).not_done
            for trial in running.values():
                failed = optuna.trial.TrialState.FAIL
                study.tell(trial, state=failed, skip_if_finished=True)


def search_space(trial):
    return {"x": trial.suggest_float("x", 0, 1)}


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
optimize_on_spark(
    study,
    objective,
    search_space,
    n_trials=40,
    parallelism=1,
    stops=[StopWithoutProgress(15, percent=1), StopAtLoss(0.000001)],
)
best = study.best_params
best_loss = study.best_value
