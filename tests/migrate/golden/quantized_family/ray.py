import math
from statistics import NormalDist

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

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


def values_of(config):
    """Return a trial's values, also those that Ray Tune knows by their quantile."""
    trial = optuna.trial.FixedTrial(config)
    suggest_space(trial)
    return {name: trial.user_attrs.get(name, value) for name, value in trial.params.items()}


def suggest_space(trial):
    return (
        suggest_log_steps(trial, "a", 1, math.exp(5), step=1),
        suggest_normal(trial, "b", 0, 5, step=1),
        suggest_normal(trial, "c", 0, 1, log=True, step=0.5),
        trial.suggest_int("d", 1, 6),
        trial.suggest_int("e", 0, 4),
        trial.suggest_int("f", 0, 2),
        trial.suggest_categorical("g", [None, True, 0.5]),
    )


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    suggest_space(trial)


def objective(config):
    args = suggest_space(optuna.trial.FixedTrial(config))
    a, b, c, d, e, f, g = args
    return {"loss": a / 100 + abs(b) / 10 + c + d + e + f + (g is None)}


tuner = tune.Tuner(
    objective,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(
            ask_for_parameters,
            metric="loss",
            mode="min",
            sampler=optuna.samplers.RandomSampler(seed=SEED),
        ),
        num_samples=40,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
result = values_of(best_result.config)
best_loss = best_result.metrics["loss"]
loss, params = best_result.metrics["loss"], {name: [value] for name, value in values_of(best_result.config).items()}
print(params["a"][0])
