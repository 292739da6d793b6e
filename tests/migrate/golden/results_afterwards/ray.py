from datetime import datetime

import optuna
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


def best_document(results):
    """Return the best of some results as hyperopt's document."""
    done = [d for d in documents(results) if "loss" in d["result"]]
    return min(done, key=lambda d: d["result"]["loss"])


def values_by_label(results):
    """Return for each parameter its values in the trials that have it."""
    columns = {}
    for trial in documents(results):
        for label, values in trial["misc"]["vals"].items():
            columns.setdefault(label, []).extend(values)
    return columns


def search_space(trial):
    return {
        "x": trial.suggest_float("x", -2, 2),
        "kind": suggest_option(trial, "kind", ["a", "b"]),
    }


def objective(config):
    p = search_space(optuna.trial.FixedTrial(config))
    loss = p["x"] ** 2 + (p["kind"] == "a")
    return {"loss": loss, "x2": p["x"] * 2, "kind": p["kind"]}


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
            seed=SEED,
        ),
        num_samples=15,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()

best_loss = best_result.metrics["loss"]
print(len(results), len(results), best_result.config)
print(sorted(values_by_label(results)["x"])[0])
print([r["x2"] for r in [t["result"] for t in documents(results)]])
print(
    [t["misc"]["vals"]["x"][0] for t in documents(results) if t["result"]["loss"] < 1],
)
for trial in documents(results):
    print(trial["tid"], trial["result"]["loss"], trial["result"]["kind"])
best_trial = best_document(results)
print(best_trial["result"]["x2"], best_trial["misc"]["vals"]["x"][0])
print(
    [t["result"]["status"] for t in documents(results)][0],
    [t["result"] for t in documents(results)][0],
)
