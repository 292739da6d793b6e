"""The functions that are written into a program whose study evaluates its trials on Spark.

Source: PySpark reference, ``SparkContext.addJobTag``, ``SparkSession.addTag``, ``functions.udf``;
Optuna reference, ``Study.ask``, ``Study.tell``; MLflow reference, ``MlflowClient``.
"""

from __future__ import annotations

import re
from collections.abc import Collection

NAME = "optimize_on_spark"
WORDS = {
    "timeout": "a search has one",
    "cuts": "it cancels what runs, as that of SparkTrials does",
    "slots": "a search leaves its parallelism to Spark",
    "stops": "a search may stop early",
    "catch": "a trial that raises lets the others go on",
    "mixed": "it does so in some of the file's searches",
    "number": "an objective returns a number",
    "loss": "an objective returns a dict with a loss, and nothing else of interest",
    "dict": "an objective returns what is to be kept besides, or it is not known",
    "tracked": "trials are child runs of MLflow",
    "logs": "an objective logs to them",
    "starts": "an objective starts runs itself",
    "resumes": "the run that an objective starts is to be the trial's",
    "session": "a search names its SparkSession",
    "endless": "a search has no number of trials",
}
"""What the file's searches may ask for. A line below that ends with ``#? word`` is written where
that is so, and one with ``#? -word`` where it is not."""

_MODULES = (
    *("contextlib", "logging", "math", "mlflow", "optuna", "os", "pickle", "threading", "time"),
    *("traceback", "uuid"),
)
_SLOT = re.compile(r"\b(?:POINT\b|KEPT\b|RESULT\b|VALUES\b|ENDED )")
_MARK = re.compile(r"  #\? (-?)(\w+)$")

_SLOTS = '''\
def task_slots(spark):
    """Return how many tasks Spark runs at once, at most 128: it cuts a range into so many."""
    parts = spark.range(512).select(spark_partition_id()).distinct().count()
    return min(parts, 128)
'''

_TASK = '''\
def run_in_task(spark, function, point):  #? -logs
def run_in_task(spark, function, point, run):  #? logs
    """Call a function in a Spark job of one task, and return what it returns."""  #? -logs
    """Call a function in a Spark job of one task; what it logs goes to an MLflow run."""  #? logs
    uri = mlflow.get_tracking_uri()  #? logs

    def call(_):
        try:
            mlflow.set_tracking_uri(uri)  #? logs
            os.environ["MLFLOW_EXPERIMENT_ID"] = run.info.experiment_id  #? starts
            os.environ["MLFLOW_RUN_ID"] = run.info.run_id  # for its start_run  #? resumes
            with mlflow.start_run(run_id=run.info.run_id):  #? inside
                return cloudpickle.dumps((function(point), None))  #? inside
            return cloudpickle.dumps((function(point), None))  #? -inside
        except BaseException:  # also SystemExit: it ends this trial alone  #? -raise
            return cloudpickle.dumps((None, traceback.format_exc()))  #? -raise
        except BaseException as error:  #? raise
            cause = RuntimeError(traceback.format_exc())  # its frames stay there  #? raise
            try:  # it may be of a kind that cannot be sent  #? raise
                sent = cloudpickle.dumps((None, (error, cause)))  #? raise
                pickle.loads(sent)  #? raise
                return sent  #? raise
            except Exception:  #? raise
                return cloudpickle.dumps((None, (cause, None)))  #? raise
        finally:  #? resumes
            mlflow.end_run()  #? resumes
            os.environ.pop("MLFLOW_RUN_ID", None)  #? resumes

    column = udf(call, "binary", useArrow=False)("id")
    rows = spark.range(0, 1, 1, 1).select(column).collect()
    result, error = pickle.loads(rows[0][0])
    if error is not None:
        raise RuntimeError(error)  #? -raise
        raise error[0] from error[1]  #? raise
    return result
'''

_START = '''\
def start_child_run(trial):
    """Start a run for a trial, as a child of the active run."""
    parent = mlflow.active_run().info
    return mlflow.MlflowClient().create_run(
        parent.experiment_id,
        tags={"mlflow.parentRunId": parent.run_id},
        run_name=f"trial-{trial.number}",
    )
'''

_END = '''\
def end_child_run(run, trial, status):
    """Log what became of a trial to its run, and end that."""
    client, run_id = mlflow.MlflowClient(), run.info.run_id
    mlflow.log_params(VALUES, run_id=run_id)  #? -logs
    logged = client.get_run(run_id).data.params  # by the objective itself  #? logs
    params = {k: v for k, v in VALUES.items() if k not in logged}  #? logs
    mlflow.log_params(params, run_id=run_id)  #? logs
    if status == "success":
        mlflow.log_metric("loss", trial.value, run_id=run_id)
    client.set_tag(run_id, "trial_status", status)
    ends = {"success": "FINISHED", "failure": "FAILED", "cancelled": "KILLED"}
    client.set_terminated(run_id, ends[status])
'''

_TELL = '''\
def tell_result(study, trial, job):  #? -mixed
def tell_result(study, trial, job, catch):  #? mixed
    """Tell a study how the job of a trial ended."""
    try:
        return study.tell(trial, RESULT)
    except Exception as error:  #? -mixed
    except catch as error:  #? mixed
        log = logging.getLogger(__name__)  #? mixed
        log.warning("Trial %d failed", trial.number, exc_info=error)  #? mixed
        logging.getLogger(__name__).warning("Trial %d failed: %s", trial.number, error)  #? -mixed
        return study.tell(trial, state=optuna.trial.TrialState.FAIL)
'''

_LOOP = '''\
    """Minimize an objective on Spark: each trial is a job of one task.

    The study is asked and told here. Executors need what the objective imports, no more.
    """
    spark = SparkSession.builder.getOrCreate()  #? -session
    spark = spark or SparkSession.builder.getOrCreate()  #? session
    context = getattr(spark, "sparkContext", None)  # Spark Connect has none
    add_tag = context.addJobTag if context else spark.addTag
    cancel = context.cancelJobsWithTag if context else spark.interruptTag
    tag = f"study-{uuid.uuid4().hex}"  # of the jobs of this call
    parallelism = parallelism or task_slots(spark)  #? slots
    end = time.monotonic() + (threading.TIMEOUT_MAX if timeout is None else timeout)  #? timeout
    running = {}

    def run(POINT):
        add_tag(tag)  # to this thread
        return run_in_task(spark, objective, POINT)

    active = mlflow.active_run()  #? tracked
    parent = contextlib.nullcontext() if active else mlflow.start_run()  #? tracked
    with parent, ThreadPoolExecutor(parallelism) as pool:  #? tracked
    with ThreadPoolExecutor(parallelism) as pool:  #? -tracked
        try:
            while True:
                while n_trials > 0 and len(running) < parallelism:
                    if time.monotonic() > end:  #? timeout
                        break  #? timeout
                    trial = study.ask()
                    point = search_space(trial)
                    child = start_child_run(trial)  #? tracked
                    running[pool.submit(run, POINT)] = KEPT
                    n_trials -= 1
                done, _ = wait(running, return_when=FIRST_COMPLETED)  #? -cuts
                done, _ = wait(running, end - time.monotonic(), FIRST_COMPLETED)  #? cuts
                if not done:  # no trial is left  #? -timeout
                if not done:  # no trial is left, or no time  #? timeout
                    return
                for job in done:
                    KEPT = running[job]
                    ENDED tell_result(study, trial, job)  #? tells
                    ENDED tell_result(study, trial, job, catch)  #? mixed
                    ENDED study.tell(trial, RESULT)  #? raises
                    status = "failure" if ended.value is None else "success"  #? tracked
                    end_child_run(child, ended, status)  #? tracked
                    if status == "success" and ended.value == study.best_value:  #? tracked
                        mlflow.log_metric("best_trial_loss", ended.value)  #? tracked
                    del running[job]
                    if any(stop(study, ended) for stop in stops):  #? stops
                        return  #? stops
        finally:
            waiting = running
            while waiting:
                cancel(tag)  # again: a job may have begun meanwhile
                waiting = wait(waiting, timeout=1).not_done
            for KEPT in running.values():
                failed = optuna.trial.TrialState.FAIL
                study.tell(trial, state=failed, skip_if_finished=True)  #? -tracked
                ended = study.tell(trial, state=failed, skip_if_finished=True)  #? tracked
                status = "cancelled" if ended.value is None else "success"  #? tracked
                end_child_run(child, ended, status)  #? tracked
'''


def is_dict(needs: Collection[str]) -> bool:
    """Tell whether the functions call ``keep_result``."""
    return NAME in needs and "plain" not in words(needs)


def words(needs: Collection[str]) -> set[str]:
    """Return what the searches of a file ask for, of `WORDS`, and what follows from it."""
    found = {need.partition(", ")[2] for need in needs if need.startswith(f"{NAME}, ")}
    if found & {"number", "loss", "dict"} in ({"number"}, {"loss"}):
        found.add("plain")
    if "raise" in found and "catch" in found:
        found.add("mixed")
    if "catch" not in found:
        found.add("raises")
    elif "mixed" not in found:
        found.add("tells")
    if "logs" in found and "resumes" not in found:
        found.add("inside")
    return found


def helper_texts(needs: Collection[str]) -> dict[str, str]:
    """Return the source of each function that a file needs, by its name, in order.

    Args:
        needs: What `Needs.helpers` holds; ``optimize_on_spark, timeout`` and the like say what
            that function is asked for.

    Examples:
        >>> print(helper_texts({"optimize_on_spark"})["optimize_on_spark"].splitlines()[0])
        def optimize_on_spark(study, objective, search_space, *, n_trials, parallelism):
    """
    if NAME not in needs:
        return {}
    asked = words(needs)
    texts = {"task_slots": _SLOTS} if "slots" in asked else {}
    texts["run_in_task"] = _TASK
    if "tracked" in asked:
        texts |= {"start_child_run": _START, "end_child_run": _END}
    if "catch" in asked:
        texts["tell_result"] = _TELL
    texts[NAME] = _signature(asked) + _LOOP
    slots = {
        "POINT": "point, child" if "logs" in asked else "point",
        "KEPT": "trial, child" if "tracked" in asked else "trial",
        "RESULT": _result(asked),
        "ENDED ": "ended = " if asked & {"tracked", "stops"} else "",
        "VALUES": "values_of(trial)" if "latent" in needs else "trial.params",
    }
    return {name: _chosen(text, asked, slots) for name, text in texts.items()}


def _result(asked: set[str]) -> str:
    if "plain" not in asked:
        return "keep_result(trial, job.result())"
    return 'job.result()["loss"]' if "loss" in asked else "job.result()"


def _signature(asked: set[str]) -> str:
    given = [
        "n_trials=math.inf" if "endless" in asked else "n_trials",
        "parallelism=None" if "slots" in asked else "parallelism",
    ]
    for word, option in (
        ("timeout", "timeout=None"),
        ("stops", "stops=()"),
        ("mixed", "catch=()"),
        ("session", "spark=None"),
    ):
        given += [option] if word in asked else []
    inner = f"study, objective, search_space, *, {', '.join(given)}"
    line = f"def {NAME}({inner}):\n"
    return line if len(line) <= 89 else f"def {NAME}(\n    {inner}\n):\n"


def _chosen(text: str, asked: set[str], slots: dict[str, str]) -> str:
    """Return a text with the lines that are asked for, and its slots filled."""
    lines = []
    for line in text.splitlines():
        mark = _MARK.search(line)
        if mark is not None:
            if (mark[2] in asked) == bool(mark[1]):
                continue
            line = line[: mark.start()]
        lines.append(_SLOT.sub(lambda slot: slots[slot[0]], line))
    return "\n".join(lines) + "\n"


def helper_imports(needs: Collection[str]) -> set[str]:
    """Return the import statements that the functions need."""
    texts = "\n".join(helper_texts(needs).values())
    if not texts:
        return set()
    found = {f"import {name}" for name in _MODULES if re.search(rf"\b{name}\.\w", texts)}
    functions = ["spark_partition_id"] if "spark_partition_id" in texts else []
    return found | {
        "from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait",
        "from pyspark import cloudpickle",
        "from pyspark.sql import SparkSession",
        f"from pyspark.sql.functions import {', '.join([*functions, 'udf'])}",
    }
