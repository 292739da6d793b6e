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


def suggest_branch(trial, name, branches):
    """Suggest one of some functions of the trial, and call it; the study holds its index."""
    branches = list(branches)
    return branches[trial.suggest_categorical(name, range(len(branches)))](trial)


def values_of(trial):
    """Return a trial's values, also those that the study holds in another form."""
    held = trial.user_attrs
    return {
        name: held.get(f"{name}:value", value) for name, value in trial.params.items()
    }


def keep_result(trial, result):
    """Keep what an objective returned with the trial, and return the loss."""
    if not isinstance(result, dict):
        return result
    is_ok = result.get("status", "ok") == "ok"
    for key, value in result.items():
        if not is_ok or key not in ("loss", "status"):
            trial.set_user_attr(key, value)
    return result["loss"] if is_ok else float("nan")


def search_space(trial):
    return {
        "dropout": suggest_branch(
            trial,
            "use_dropout",
            [
                lambda trial: None,
                lambda trial: trial.suggest_float("dropout", 0.1, 0.9),
            ],
        ),
        "lr": suggest_normal(trial, "lr", 0, 1, log=True),
    }


def objective(params):
    penalty = 0.3 if params["dropout"] is None else params["dropout"]
    return penalty + abs(params["lr"] - 1)


losses = []


def objective_2(trial):
    p = search_space(trial)
    return keep_result(trial, losses.append(objective(p)) or losses[-1])


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective_2, n_trials=20)
best = values_of(study.best_trial)
best_loss = min(losses)
