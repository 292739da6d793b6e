import math
from statistics import NormalDist

import optuna

SEED = 0


def suggest_normal(trial, name, mu, sigma, *, log=False, step=None):
    """Suggest a normally distributed number.

    Optuna's parameters are bounded: the study holds a quantile under the name, and the
    number itself as a user attribute of the trial.
    """
    quantile = trial.suggest_float(name, 1e-9, 1 - 1e-9)
    value = NormalDist(mu, sigma).inv_cdf(quantile)
    if log:
        value = math.exp(value)
    if step is not None:
        value = round(value / step, 0) * step
    trial.set_user_attr(f"{name}:value", value)
    return value


def suggest_option(trial, name, options):
    """Suggest one of some options; the study holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


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


def documents(study):
    """Return the trials of a study as hyperopt's documents, without those that raised."""
    complete = optuna.trial.TrialState.COMPLETE
    done = [t for t in study.trials if t.state == complete or "status" in t.user_attrs]
    labels = sorted({label for t in done for label in t.params})
    found = []
    for t in done:
        values = values_of(t)
        loss = {} if t.value is None else {"loss": t.value}
        kept = {k: v for k, v in t.user_attrs.items() if not k.endswith(":value")}
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
            "result": {**loss, "status": "ok", **kept},
            "misc": misc,
            "exp_key": None,
            "owner": None,
            "version": 0,
            "book_time": t.datetime_start,
            "refresh_time": t.datetime_complete,
        }
        found.append(document)
    return found


def best_document(study):
    """Return the best trial of a study as hyperopt's document."""
    return next(d for d in documents(study) if d["tid"] == study.best_trial.number)


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


def objective(trial):
    args = search_space(trial)
    a, b, c, d, e, f, g = args
    return a / 100 + abs(b) / 10 + c + d + e + f + (g is None)


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
study.optimize(objective, n_trials=40)
result = values_of(study.best_trial)
best_loss = study.best_value
loss, params = study.best_value, best_document(study)["misc"]["vals"]
print(params["a"][0])
