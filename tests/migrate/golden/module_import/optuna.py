from statistics import NormalDist

import optuna

SEED = 0


def suggest_normal(trial, name, mu, sigma, *, step=None):
    """Suggest a normally distributed number.

    Optuna's parameters are bounded: the study holds a quantile under the name, and the
    number itself as a user attribute of the trial.
    """
    quantile = trial.suggest_float(name, 1e-9, 1 - 1e-9)
    value = NormalDist(mu, 1.5 * sigma).inv_cdf(quantile)  # wider: TPE narrows it down
    if step is not None:
        value = round(value / step, 0) * step
    trial.set_user_attr(f"{name}:value", value)
    return value


def values_of(trial):
    """Return a trial's values, also those that the study holds in another form."""
    held = trial.user_attrs
    return {
        name: held.get(f"{name}:value", value) for name, value in trial.params.items()
    }


def search_space(trial):
    return {
        "a": trial.suggest_float("a", 0, 10, step=0.5),
        "b": suggest_normal(trial, "b", 2, 3, step=1),
    }


def objective(trial):
    params = search_space(trial)
    if params["a"] > 9.5:
        trial.set_user_attr("status", "fail")
        return float("nan")
    return abs(params["a"] - 4) + abs(params["b"])


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=20)
best = values_of(study.best_trial)
best_loss = min(loss for loss in [t.value for t in study.trials] if loss is not None)
