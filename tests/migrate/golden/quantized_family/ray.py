import math
from datetime import datetime
from statistics import NormalDist

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_normal(trial, name, mu, sigma, *, log=False, step=None):
    """Suggest a normally distributed number.

    Optuna's parameters are bounded: the searcher holds a quantile under the name, and the
    number itself as a user attribute of the trial.
    """
    if isinstance(trial, optuna.trial.FixedTrial):  # it holds the number itself
        return trial.suggest_float(name, -1e300, 1e300)
    quantile = trial.suggest_float(name, 1e-9, 1 - 1e-9)
    value = NormalDist(mu, sigma).inv_cdf(quantile)
    if log:
        value = math.exp(value)
    if step is not None:
        value = round(value / step, 0) * step
    trial.set_user_attr(f"{name}:value", value)
    return value


def suggest_option(trial, name, options):
    """Suggest one of some options; the searcher holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


def suggest_log_steps(trial, name, low, high, *, step):
    """Suggest a multiple of a step whose logarithm is about uniform.

    The searcher holds the number before rounding under the name, and the rounded one as a
    user attribute of the trial.
    """
    if isinstance(trial, optuna.trial.FixedTrial):  # it holds the rounded number
        return trial.suggest_float(name, 0, high + step)
    value = round(trial.suggest_float(name, low, high, log=True) / step, 0) * step
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


def best_document(results):
    """Return the best of some results as hyperopt's document."""
    done = [d for d in documents(results) if "loss" in d["result"]]
    return min(done, key=lambda d: d["result"]["loss"])


def search_space(trial):
    return (
        suggest_log_steps(trial, "a", 1, math.exp(5), step=1),
        suggest_normal(trial, "b", 0, 5, step=1),
        suggest_normal(trial, "c", 0, 1, log=True, step=0.5),
        trial.suggest_int("d", 1, 6),
        trial.suggest_int("e", 0, 4),
        suggest_option(trial, "f", range(3)),
        suggest_option(trial, "g", [None, True, 0.5]),
    )


def objective(config):
    args = search_space(optuna.trial.FixedTrial(config))
    a, b, c, d, e, f, g = args
    return {"loss": a / 100 + abs(b) / 10 + c + d + e + f + (g is None)}


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
            sampler=optuna.samplers.RandomSampler(seed=SEED),
        ),
        num_samples=40,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
result = best_result.config
best_loss = best_result.metrics["loss"]
loss, params = best_result.metrics["loss"], best_document(results)["misc"]["vals"]
print(params["a"][0])
