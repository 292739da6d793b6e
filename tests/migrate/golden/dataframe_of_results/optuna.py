import math

import numpy as np
import optuna
import pandas as pd

SEED = 0


def suggest_option(trial, name, options):
    """Suggest one of some options; the study holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


def documents(study):
    """Return the trials of a study as hyperopt's documents, without those that raised."""
    complete = optuna.trial.TrialState.COMPLETE
    done = [t for t in study.trials if t.state == complete or "status" in t.user_attrs]
    labels = sorted({label for t in done for label in t.params})
    found = []
    for t in done:
        values = t.params
        loss = {} if t.value is None else {"loss": t.value}
        misc = {
            "tid": t.number,
            "cmd": ("domain_attachment", "FMinIter_Domain"),
            "workdir": None,
            "idxs": {k: [t.number] if k in values else [] for k in labels},
            "vals": {k: [values[k]] if k in values else [] for k in labels},
        }
        document = {
            "state": 2,
            "tid": t.number,
            "spec": None,
            "result": {**loss, "status": "ok", **t.user_attrs},
            "misc": misc,
            "exp_key": None,
            "owner": None,
            "version": 0,
            "book_time": t.datetime_start,
            "refresh_time": t.datetime_complete,
        }
        found.append(document)
    return found


def values_by_label(study):
    """Return for each parameter its values in the trials that have it."""
    columns = {}
    for trial in documents(study):
        for label, values in trial["misc"]["vals"].items():
            columns.setdefault(label, []).extend(values)
    return columns


def search_space(trial):
    return {
        "lr": trial.suggest_float("lr", math.exp(-6), 1, log=True),
        "n": trial.suggest_int("n", 10, 100, step=5),
        "kind": suggest_option(trial, "kind", ["a", "b"]),
    }


def objective(trial):
    params = search_space(trial)
    lr, n = params["lr"], params["n"]
    loss = (np.log(lr) + 3) ** 2 + n / 50 + (params["kind"] == "a")
    trial.set_user_attr("auc", 1 - loss)
    trial.set_user_attr("eval_time", 0.5)
    return loss


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
study.optimize(objective, n_trials=30)
best = study.best_params
frame = pd.DataFrame([t["result"] for t in documents(study)])
print(frame[["loss", "auc"]].describe())
rates = values_by_label(study)["lr"]
losses = [t["result"]["loss"] for t in documents(study)]
print(len(rates), max(losses), study.best_params)
tuned = pd.DataFrame(
    {"lr": values_by_label(study)["lr"], "loss": [t.value for t in study.trials]},
)
best_loss = float(tuned["loss"].min())
for i, trial in enumerate(documents(study)):
    print(i, trial["misc"]["vals"]["lr"][0], trial["result"]["auc"])
