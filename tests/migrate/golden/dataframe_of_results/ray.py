import math
from datetime import datetime

import numpy as np
import optuna
import pandas as pd
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_option(trial, name, options):
    """Suggest one of some options; the searcher holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


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


def values_by_label(results):
    """Return for each parameter its values in the trials that have it."""
    columns = {}
    for trial in documents(results):
        for label, values in trial["misc"]["vals"].items():
            columns.setdefault(label, []).extend(values)
    return columns


def search_space(trial):
    return {
        "lr": trial.suggest_float("lr", math.exp(-6), 1, log=True),
        "n": trial.suggest_int("n", 10, 100, step=5),
        "kind": suggest_option(trial, "kind", ["a", "b"]),
    }


def objective(config):
    params = search_space(optuna.trial.FixedTrial(config))
    lr, n = params["lr"], params["n"]
    loss = (np.log(lr) + 3) ** 2 + n / 50 + (params["kind"] == "a")
    return {"loss": loss, "auc": 1 - loss, "eval_time": 0.5}


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    search_space(trial)


tuner = tune.Tuner(
    objective,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(
            ask_for_parameters,
            metric="loss",
            mode="min",
            sampler=optuna.samplers.RandomSampler(seed=SEED),
        ),
        num_samples=30,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
frame = pd.DataFrame([t["result"] for t in documents(results)])
print(frame[["loss", "auc"]].describe())
rates = values_by_label(results)["lr"]
losses = [t["result"]["loss"] for t in documents(results)]
print(len(rates), max(losses), best_result.config)
tuned = pd.DataFrame(
    {
        "lr": values_by_label(results)["lr"],
        "loss": [r.metrics["loss"] for r in results if "loss" in r.metrics],
    },
)
best_loss = float(tuned["loss"].min())
for i, trial in enumerate(documents(results)):
    print(i, trial["misc"]["vals"]["lr"][0], trial["result"]["auc"])
