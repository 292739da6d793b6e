from statistics import NormalDist

import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0
OPTIMIZERS = ["sgd", "adam"]


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
    model = trial.suggest_categorical("model", ["mlp", "gbm"])
    if model == "mlp":
        model_params = {
            "type": "mlp",
            "hidden": trial.suggest_categorical("hidden", [32, 64]),
            "lr": trial.suggest_float("mlp_lr", 1e-4, 1e-1, log=True),
        }
    else:
        model_params = {
            "type": "gbm",
            "rounds": 10 * trial.suggest_int("rounds", 1, 9),
            "lr": trial.suggest_float("gbm_lr", 1e-2, 1, log=True),
        }
    return {
        "model": model_params,
        "optimizer": trial.suggest_categorical("optimizer", OPTIMIZERS),
        "momentum": suggest_normal(trial, "momentum", 0.9, 0.1),
    }


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    suggest_space(trial)


def objective(config):
    args = suggest_space(optuna.trial.FixedTrial(config))
    model = args["model"]
    if model["type"] == "mlp":
        loss = abs(np.log10(model["lr"]) + 3) + 32 / model["hidden"]
    elif model["type"] == "gbm":
        loss = abs(np.log10(model["lr"]) + 1) + model["rounds"] / 100
    else:
        raise ValueError(model["type"])
    return {"loss": loss + (args["momentum"] - 0.9) ** 2 + (args["optimizer"] == "sgd"), "args": args}


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
        num_samples=25,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = values_of(best_result.config)
best_params = suggest_space(optuna.trial.FixedTrial(best_result.config))
print("optimizer", best["optimizer"], best_params["model"]["type"])
best_loss = best_result.metrics["loss"]
