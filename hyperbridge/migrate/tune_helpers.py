"""The short functions and classes that are written into a Ray Tune program.

Source: Ray Tune reference, ``ResultGrid``, ``Result``, ``tune.Stopper``; hyperopt.base.Trials,
hyperopt.early_stop.no_progress_loss; MLflow reference, ``mlflow.start_run``.
"""

from __future__ import annotations

from hyperbridge.migrate.helpers import SUGGESTING, Library, by_label

_PICKLABLE = '''\
class Picklable:
    """A function that Ray's searcher can save, as it cannot one inside of another."""

    def __init__(self, function):
        self.function = function

    def __call__(self, trial):
        return self.function(trial)

    def __reduce__(self):
        return cloudpickle.loads, (cloudpickle.dumps(self.function),)
'''

_RESULT = '''\
def tune_result(result):
    """Return what Ray Tune takes for a result: a dict with a loss, NaN where it failed."""
    if not isinstance(result, dict):
        return {"loss": result}
    if result.get("status", "ok") != "ok":
        return {**result, "loss": float("nan")}
    return result
'''

_BEST = '''\
def best_of(results):
    """Return the result with the least loss."""
    losses = [(r.metrics["loss"], r) for r in results if "loss" in r.metrics]
    return min((each for each in losses if each[0] == each[0]), key=lambda each: each[0])[1]
'''

_DOCUMENTS = '''\
def documents(results):
    """Return the results of trials as hyperopt's documents, of those that gave a loss."""
    done = [(tid, r) for tid, r in enumerate(results) if "loss" in r.metrics]
    labels = sorted({label for _, r in done for label in r.config})
    tunes_own = {
        *("timestamp", "checkpoint_dir_name", "done", "training_iteration", "trial_id"),
        *("date", "time_this_iter_s", "time_total_s", "pid", "hostname", "node_ip"),
        *("config", "time_since_restore", "iterations_since_restore", "experiment_tag"),
    }
    found = []
    for tid, r in done:
        result = {"status": "ok"}
        result.update({k: v for k, v in r.metrics.items() if k not in tunes_own})
        if result["loss"] != result["loss"]:
            result.update(status="fail")
            del result["loss"]
        values = r.config
        misc = {
            "tid": tid,
            "cmd": ("domain_attachment", "FMinIter_Domain"),
            "workdir": None,
            "idxs": {k: [tid] if k in values else [] for k in labels},
            "vals": {k: [values[k]] if k in values else [] for k in labels},
        }
        ended = r.metrics["timestamp"]
        document = {
            "state": 2,
            "tid": tid,
            "spec": None,
            "result": result,
            "misc": misc,
            "exp_key": None,
            "owner": None,
            "version": 0,
            "book_time": datetime.fromtimestamp(ended - r.metrics["time_total_s"]),
            "refresh_time": datetime.fromtimestamp(ended),
        }
        found.append(document)
    return found
'''

_BEST_DOCUMENT = '''\
def best_document(results):
    """Return the best of some results as hyperopt's document."""
    done = [d for d in documents(results) if "loss" in d["result"]]
    return min(done, key=lambda d: d["result"]["loss"])
'''

_PATIENCE = '''\
class StopWithoutProgress(tune.Stopper):
    """Stop after a number of results in a row that did not improve on the best loss."""

    def __init__(self, patience, percent=0.0):
        self.patience = patience
        self.percent = percent
        self.best = None
        self.waited = 1  # the first result counts
        self.is_stuck = False
        self.seen = set()

    def __call__(self, trial_id, result):
        if trial_id in self.seen:  # Tune shows it again when the trial ends
            return False
        self.seen.add(trial_id)
        loss = result["loss"]
        if self.best is None:
            self.best = loss
        elif loss < self.best - abs(self.best) * self.percent / 100:
            self.best = loss
            self.waited = 0
        else:
            self.waited += 1
            self.is_stuck = self.waited >= self.patience
        return False

    def stop_all(self):
        return self.is_stuck
'''

_THRESHOLD = '''\
class StopAtLoss(tune.Stopper):
    """Stop as soon as a loss is below a threshold."""

    def __init__(self, loss):
        self.loss = loss
        self.is_reached = False

    def __call__(self, trial_id, result):
        self.is_reached = self.is_reached or result["loss"] < self.loss
        return False

    def stop_all(self):
        return self.is_reached
'''

_WHEN = '''\
class StopWhen(tune.Stopper):
    """Stop when a function of the results so far says so, which gets back what it gave last."""

    def __init__(self, function):
        self.function = function
        self.results = []
        self.given = ()
        self.is_over = False
        self.seen = set()

    def __call__(self, trial_id, result):
        if trial_id in self.seen:  # Tune shows it again when the trial ends
            return False
        self.seen.add(trial_id)
        self.results.append(
            tune.Result(checkpoint=None, error=None, path=None, metrics=result)
        )
        self.is_over, self.given = self.function(self.results, *self.given)
        return False

    def stop_all(self):
        return self.is_over
'''

_WRAPPER = '''\
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
'''

_HISTORY = '''\
def plot_history(results):
    """Plot the loss of each trial."""
    losses = [(t["tid"], t["result"].get("loss")) for t in documents(results)]
    plt.plot(*zip(*losses), "o")
    plt.xlabel("trial")
    plt.ylabel("loss")
    plt.show()
'''

_HISTOGRAM = '''\
def plot_histogram(results):
    """Plot how often which loss was found."""
    losses = [t["result"]["loss"] for t in documents(results) if "loss" in t["result"]]
    plt.hist(losses)
    plt.xlabel("loss")
    plt.show()
'''

_VARIABLES = '''\
def plot_variables(results):
    """Plot the values of each parameter, by trial."""
    columns = values_by_label(results)
    numbers = numbers_by_label(results)
    _, axes = plt.subplots(len(columns), squeeze=False)
    for (label, values), (axis,) in zip(columns.items(), axes):
        axis.plot(numbers[label], values, "o")
        axis.set_title(label)
    plt.show()
'''

_COLUMN_NAMES = ("values_by_label", "numbers_by_label")
_PLOTTING = ("import matplotlib.pyplot as plt",)
TUNE_HELPERS = Library(
    {
        **SUGGESTING,
        "tune_result": _RESULT,
        "best_of": _BEST,
        "documents": _DOCUMENTS,
        "best_document": _BEST_DOCUMENT,
        **by_label("results"),
        "plot_history": _HISTORY,
        "plot_histogram": _HISTOGRAM,
        "plot_variables": _VARIABLES,
        "StopWithoutProgress": _PATIENCE,
        "StopAtLoss": _THRESHOLD,
        "StopWhen": _WHEN,
        "in_child_run": _WRAPPER,
        "Picklable": _PICKLABLE,
    },
    {
        "best_document": ("documents",),
        "values_by_label": ("documents",),
        "numbers_by_label": ("documents",),
        "plot_history": ("documents",),
        "plot_histogram": ("documents",),
        "plot_variables": ("documents", *_COLUMN_NAMES),
    },
    frozenset(),
    {
        "documents": ("from datetime import datetime",),
        "plot_history": _PLOTTING,
        "plot_histogram": _PLOTTING,
        "plot_variables": _PLOTTING,
        "in_child_run": ("import mlflow",),
        "Picklable": ("from ray import cloudpickle",),
    },
    holder="the searcher",
)
"""The helpers of Ray Tune. Its searcher is Optuna's, so what asks a trial is the same."""
