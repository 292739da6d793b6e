import math
from datetime import datetime
from statistics import NormalDist

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch
SEED = 0


def suggest_normal(trial, name, mu, sigma, *, log=False):
    """Suggest a normally distributed number.

    Optuna's parameters are bounded: the searcher holds a quantile under the name, and the
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


def suggest_option(trial, name, options):
    """Suggest one of some options; the searcher holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


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
        'a': suggest_normal(trial, 'a', 0, 1, log=True),
        'k': suggest_option(trial, 'k', [0, 5]),
    }


def objective(config):
    p = search_space(optuna.trial.FixedTrial(config))
    return {"loss": (p['a'] - 1) ** 2 + p['k']}


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
        num_samples=8,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
a = best_result.config['a']
assert a == best_document(results)['misc']['vals']['a'][0]
assert a in values_by_label(results)['a']
assert (a - 1) ** 2 <= max([r.metrics["loss"] for r in results if "loss" in r.metrics])
for t in documents(results):
    if t['result']['loss'] < 1:
        print(t['misc']['vals']['a'][0])
best_loss = best_result.metrics["loss"]

