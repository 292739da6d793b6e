from datetime import datetime
from statistics import NormalDist

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_normal(trial, name, mu, sigma, *, step=None):
    """Suggest a normally distributed number.

    Optuna's parameters are bounded: the searcher holds a quantile under the name, and the
    number itself as a user attribute of the trial.
    """
    if isinstance(trial, optuna.trial.FixedTrial):  # it holds the number itself
        return trial.suggest_float(name, -1e300, 1e300)
    quantile = trial.suggest_float(name, 1e-9, 1 - 1e-9)
    value = NormalDist(mu, 1.5 * sigma).inv_cdf(quantile)  # wider: TPE narrows it down
    if step is not None:
        value = round(value / step, 0) * step
    trial.set_user_attr(f"{name}:value", value)
    return value


def values_of(trial):
    """Return a trial's values, also those that the searcher holds in another form."""
    held = trial.user_attrs
    return {
        name: held.get(f"{name}:value", value) for name, value in trial.params.items()
    }


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


def search_space(trial):
    return {
        "a": trial.suggest_float("a", 0, 10, step=0.5),
        "b": suggest_normal(trial, "b", 2, 3, step=1),
    }


def objective(config):
    params = search_space(optuna.trial.FixedTrial(config))
    if params["a"] > 9.5:
        return {"loss": float("nan"), "status": "fail"}
    return {"loss": abs(params["a"] - 4) + abs(params["b"])}


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    search_space(trial)
    return values_of(trial)


tuner = tune.Tuner(
    objective,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(
            ask_for_parameters,
            metric="loss",
            mode="min",
            seed=SEED,
        ),
        num_samples=20,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
best_loss = min(
    loss for loss in [
        t["result"].get("loss") for t in documents(results)
    ] if loss is not None
)
