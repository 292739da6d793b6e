from statistics import NormalDist

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_normal(trial, name, mu, sigma):
    """Suggest a normally distributed number.

    Optuna's parameters are bounded: the study holds a quantile under the name, and the
    number itself as a user attribute of the trial.
    """
    quantile = trial.suggest_float(name, 1e-9, 1 - 1e-9)
    value = NormalDist(mu, 1.5 * sigma).inv_cdf(quantile)  # wider: TPE narrows it down
    trial.set_user_attr(name, value)
    return value


def values_of(config):
    """Return a trial's values, also those that Ray Tune knows by their quantile."""
    trial = optuna.trial.FixedTrial(config)
    suggest_space(trial)
    return {name: trial.user_attrs.get(name, value) for name, value in trial.params.items()}


def suggest_space(trial):
    return (trial.suggest_float("a", -1, 1), suggest_normal(trial, "b", 0, 2))


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    suggest_space(trial)


def f(config):
    args = suggest_space(optuna.trial.FixedTrial(config))
    a, b = args
    return {"loss": a ** 2 + b ** 2}


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
best = values_of(best_result.config)
best_loss = best_result.metrics["loss"]
print(best["a"], best["b"])
