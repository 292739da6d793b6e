import math
from statistics import NormalDist

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch
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


def values_of(config):
    """Return a trial's values, also those that Ray Tune knows by their quantile."""
    trial = optuna.trial.FixedTrial(config)
    suggest_params(trial)
    return {name: trial.user_attrs.get(name, value) for name, value in trial.params.items()}


def suggest_params(trial):
    return {
        "a": suggest_normal(trial, "a", 0, 1, log=True),
        "k": trial.suggest_categorical("k", [0, 5]),
    }


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    suggest_params(trial)


def objective(config):
    p = suggest_params(optuna.trial.FixedTrial(config))
    return {"loss": (p['a'] - 1) ** 2 + p['k']}


tuner = tune.Tuner(
    objective,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(
            ask_for_parameters,
            metric="loss",
            mode="min",
            seed=SEED,
        ),
        num_samples=8,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
a = values_of(best_result.config)['a']
assert a == values_of(best_result.config)['a']
assert a in [values_of(t.config)['a'] for t in results if 'a' in values_of(t.config)]
assert (a - 1) ** 2 <= max([t.metrics.get("loss") for t in results])
for t in results:
    if t.metrics["loss"] < 1:
        print(values_of(t.config)['a'])
best_loss = best_result.metrics["loss"]

