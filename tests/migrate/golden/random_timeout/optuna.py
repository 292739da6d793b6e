import math

import optuna

SEED = 0


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


def objective(trial):
    p = {
        "q": trial.suggest_float("q", 0, 8, step=4),
        "r": suggest_log_steps(trial, "r", 1, math.exp(4), step=3),
    }
    return abs(p["q"] - 6) + p["r"]


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=20, timeout=60, catch=(Exception,))
best = values_of(study.best_trial)
best_loss = abs(best["q"] - 6) + best["r"]
