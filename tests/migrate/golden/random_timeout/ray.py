import math

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_log_steps(trial, name, low, high, *, step):
    """Suggest a multiple of a step whose logarithm is about uniform.

    The searcher holds the number before rounding under the name, and the rounded one as a
    user attribute of the trial.
    """
    if isinstance(trial, optuna.trial.FixedTrial):  # it holds the rounded number
        return trial.suggest_float(name, 0, high + step)
    value = round(trial.suggest_float(name, low, high, log=True) / step, 0) * step
    trial.set_user_attr(f"{name}:value", value)
    return value


def values_of(trial):
    """Return a trial's values, also those that the searcher holds in another form."""
    held = trial.user_attrs
    return {
        name: held.get(f"{name}:value", value) for name, value in trial.params.items()
    }


def search_space(trial):
    return {
        "q": trial.suggest_float("q", 0, 8, step=4),
        "r": suggest_log_steps(trial, "r", 1, math.exp(4), step=3),
    }


def objective(config):
    p = search_space(optuna.trial.FixedTrial(config))
    return {"loss": abs(p["q"] - 6) + p["r"]}


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    search_space(trial)
    return values_of(trial)


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
        num_samples=20,
        time_budget_s=60,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
best_loss = abs(best["q"] - 6) + best["r"]
