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
    held = ["lr"]
    return {
        name: trial.user_attrs.get(name, value) if name in held else value
        for name, value in trial.params.items()
    }


def suggest_space(trial):
    use_dropout = trial.suggest_categorical("use_dropout", ["none", "dropout"])
    if use_dropout == "none":
        use_dropout_params = None
    else:
        use_dropout_params = trial.suggest_float("dropout", 0.1, 0.9)
    return {
        "dropout": use_dropout_params,
        "lr": suggest_normal(trial, "lr", 0, 1, log=True),
    }


def objective(params):
    penalty = 0.3 if params["dropout"] is None else params["dropout"]
    return penalty + abs(params["lr"] - 1)


losses = []


def objective_2(trial):
    p = suggest_space(trial)
    return losses.append(objective(p)) or losses[-1]


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective_2, n_trials=20)
best = values_of(study.best_trial)
best_loss = min(losses)
