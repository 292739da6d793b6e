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
    trial.set_user_attr(name, value)
    return value


def values_of(trial):
    """Return a trial's values, also those that the study holds as quantiles."""
    held = ["a"]
    return {
        name: trial.user_attrs.get(name, value) if name in held else value
        for name, value in trial.params.items()
    }


def objective(trial):
    p = {
        "a": suggest_normal(trial, "a", 0, 1, log=True),
        "k": trial.suggest_categorical("k", [0, 5]),
    }
    return (p['a'] - 1) ** 2 + p['k']


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=8)
a = values_of(study.best_trial)['a']
assert a == values_of(study.best_trial)['a']
assert a in [values_of(t)['a'] for t in study.trials if 'a' in values_of(t)]
assert (a - 1) ** 2 <= max([t.value for t in study.trials])
for t in study.trials:
    if t.value < 1:
        print(values_of(t)['a'])
best_loss = study.best_value

