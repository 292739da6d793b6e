import math
from statistics import NormalDist
import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_normal(trial, name, mu, sigma, *, log=False, step=None):
    """Suggest a normally distributed number.

    Optuna's parameters are bounded: the study holds a quantile under the name, and the
    number itself as a user attribute of the trial.
    """
    quantile = trial.suggest_float(name, 1e-9, 1 - 1e-9)
    value = NormalDist(mu, 1.5 * sigma).inv_cdf(quantile)  # wider: TPE narrows it down
    if log:
        value = math.exp(value)
    if step is not None:
        value = round(value / step, 0) * step
    trial.set_user_attr(name, value)
    return value




def suggest_space(trial):
    return (trial.suggest_float("a", -1, 1), suggest_normal(trial, "b", 0, 2))


def f(args):
    args = suggest_space(optuna.trial.FixedTrial(args))
    a, b = args
    return {"loss": a ** 2 + b ** 2}


def ask_for_parameters(trial):
    """Ask for the parameters of a trial; Ray Tune passes them on as its config."""
    suggest_space(trial)


tuner = tune.Tuner(
    f,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(
            ask_for_parameters,
            metric="loss",
            mode="min",
            sampler=optuna.samplers.TPESampler(
                multivariate=True,
                constant_liar=True,
                seed=SEED,
            ),
        ),
        num_samples=20,
        reuse_actors=True,
    ),
)
results = tuner.fit()

def best_values():
    trial = optuna.trial.FixedTrial(results.get_best_result().config)
    suggest_space(trial)
    values = trial.params.items()
    return {name: trial.user_attrs.get(name, value) for name, value in values}


best = best_values()
best_loss = results.get_best_result().metrics["loss"]
print(best["a"], best["b"])
