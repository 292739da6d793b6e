import math
from statistics import NormalDist

import optuna

SEED = 0


def suggest_log_steps(trial, name, low, high, *, step):
    """Suggest a multiple of a step whose logarithm is about uniform.

    The study holds the number before rounding under the name, and the rounded one as a
    user attribute of the trial.
    """
    value = round(trial.suggest_float(name, low, high, log=True) / step, 0) * step
    trial.set_user_attr(name, value)
    return value


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
    trial.set_user_attr(name, value)
    return value


def values_of(trial):
    """Return a trial's values, also those that the study holds as quantiles."""
    held = ["a", "b", "c"]
    return {
        name: trial.user_attrs.get(name, value) if name in held else value
        for name, value in trial.params.items()
    }


def objective(trial):
    args = (
        suggest_log_steps(trial, "a", 1, math.exp(5), step=1),
        suggest_normal(trial, "b", 0, 5, step=1),
        suggest_normal(trial, "c", 0, 1, log=True, step=0.5),
        trial.suggest_int("d", 1, 6),
        trial.suggest_int("e", 0, 4),
        trial.suggest_int("f", 0, 2),
        trial.suggest_categorical("g", [None, True, 0.5]),
    )
    a, b, c, d, e, f, g = args
    return a / 100 + abs(b) / 10 + c + d + e + f + (g is None)


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
study.optimize(objective, n_trials=40)
result = values_of(study.best_trial)
best_loss = study.best_value
loss, params = study.best_value, {name: [value] for name, value in values_of(study.best_trial).items()}
print(params["a"][0])
