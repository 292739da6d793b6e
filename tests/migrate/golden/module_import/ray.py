from statistics import NormalDist

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

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
    trial.set_user_attr(name, value)
    return value


def values_of(config):
    """Return a trial's values, also those that Ray Tune knows by their quantile."""
    trial = optuna.trial.FixedTrial(config)
    suggest_space(trial)
    return {name: trial.user_attrs.get(name, value) for name, value in trial.params.items()}


def suggest_space(trial):
    return {
        "a": trial.suggest_float("a", 0, 10, step=0.5),
        "b": suggest_normal(trial, "b", 2, 3, step=1),
    }


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    suggest_space(trial)


def objective(config):
    params = suggest_space(optuna.trial.FixedTrial(config))
    if params["a"] > 9.5:
        return {"loss": float("nan"), "status": "fail"}
    return {"loss": abs(params["a"] - 4) + abs(params["b"])}


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
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = values_of(best_result.config)
best_loss = min(loss for loss in [t.metrics.get("loss") for t in results] if loss is not None)
