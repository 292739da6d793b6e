from statistics import NormalDist

import optuna

SEED = 0


def suggest_normal(trial, name, mu, sigma):
    """Suggest a normally distributed number.

    Optuna's parameters are bounded: the study holds a quantile under the name, and the
    number itself as a user attribute of the trial.
    """
    quantile = trial.suggest_float(name, 1e-9, 1 - 1e-9)
    value = NormalDist(mu, 1.5 * sigma).inv_cdf(quantile)  # wider: TPE narrows it down
    trial.set_user_attr(f"{name}:value", value)
    return value


def values_of(trial):
    """Return a trial's values, also those that the study holds in another form."""
    held = trial.user_attrs
    return {
        name: held.get(f"{name}:value", value) for name, value in trial.params.items()
    }


def search_space(trial):
    return (trial.suggest_float("a", -1, 1), suggest_normal(trial, "b", 0, 2))


def f(trial):
    args = search_space(trial)
    a, b = args
    return a ** 2 + b ** 2


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(f, n_trials=20)
best = values_of(study.best_trial)
best_loss = study.best_value
print(best["a"], best["b"])
