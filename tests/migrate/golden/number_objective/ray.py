from statistics import NormalDist

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_normal(trial, name, mu, sigma):
    """Suggest a normally distributed number.

    Optuna's parameters are bounded: the searcher holds a quantile under the name, and the
    number itself as a user attribute of the trial.
    """
    if isinstance(trial, optuna.trial.FixedTrial):  # it holds the number itself
        return trial.suggest_float(name, -1e300, 1e300)
    quantile = trial.suggest_float(name, 1e-9, 1 - 1e-9)
    value = NormalDist(mu, 1.5 * sigma).inv_cdf(quantile)  # wider: TPE narrows it down
    trial.set_user_attr(f"{name}:value", value)
    return value


def values_of(trial):
    """Return a trial's values, also those that the searcher holds in another form."""
    held = trial.user_attrs
    return {
        name: held.get(f"{name}:value", value) for name, value in trial.params.items()
    }


def search_space(trial):
    return (trial.suggest_float("a", -1, 1), suggest_normal(trial, "b", 0, 2))


def f(config):
    args = search_space(optuna.trial.FixedTrial(config))
    a, b = args
    return {"loss": a ** 2 + b ** 2}


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    search_space(trial)
    return values_of(trial)


tuner = tune.Tuner(
    f,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(
            ask_for_parameters,
            metric="loss",
            mode="min",
            seed=SEED,
        ),
        num_samples=20,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
best_loss = best_result.metrics["loss"]
print(best["a"], best["b"])
