import math
from statistics import NormalDist

import optuna
SEED = 0


def suggest_normal(trial, name, mu, sigma, *, log=False):
    """Suggest a normally distributed number.

    Optuna's parameters are bounded: the study holds a quantile under the name, and the
    number itself as a user attribute of the trial.
    """
    quantile = trial.suggest_float(name, 1e-9, 1 - 1e-9)
    value = NormalDist(mu, 1.5 * sigma).inv_cdf(quantile)  # wider: TPE narrows it down
    if log:
        value = math.exp(value)
    trial.set_user_attr(f"{name}:value", value)
    return value


def suggest_option(trial, name, options):
    """Suggest one of some options; the study holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


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


def values_by_label(study):
    """Return for each parameter its values in the trials that have it."""
    columns = {}
    for trial in documents(study):
        for label, values in trial["misc"]["vals"].items():
            columns.setdefault(label, []).extend(values)
    return columns


def objective(trial):
    p = {
        'a': suggest_normal(trial, 'a', 0, 1, log=True),
        'k': suggest_option(trial, 'k', [0, 5]),
    }
    return (p['a'] - 1) ** 2 + p['k']


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=8)
a = values_of(study.best_trial)['a']
assert a == best_document(study)['misc']['vals']['a'][0]
assert a in values_by_label(study)['a']
assert (a - 1) ** 2 <= max([t.value for t in study.trials])
for t in documents(study):
    if t['result']['loss'] < 1:
        print(t['misc']['vals']['a'][0])
best_loss = study.best_value

