from statistics import NormalDist

import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0
OPTIMIZERS = ["sgd", "adam"]


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


def suggest_branch(trial, name, branches):
    """Suggest one of some functions of the trial, and call it; the searcher holds its index."""
    branches = list(branches)
    return branches[trial.suggest_categorical(name, range(len(branches)))](trial)


def values_of(trial):
    """Return a trial's values, also those that the searcher holds in another form."""
    held = trial.user_attrs
    return {
        name: held.get(f"{name}:value", value) for name, value in trial.params.items()
    }


def search_space(trial):
    return {
        "model": suggest_branch(trial, "model", [
            lambda trial: {
                "type": "mlp",
                "hidden": trial.suggest_categorical("hidden", [32, 64]),
                "lr": trial.suggest_float("mlp_lr", 1e-4, 1e-1, log=True),
            },
            lambda trial: {
                "type": "gbm",
                "rounds": 10 * trial.suggest_int("rounds", 1, 9),
                "lr": trial.suggest_float("gbm_lr", 1e-2, 1, log=True),
            },
        ]),
        "optimizer": trial.suggest_categorical("optimizer", OPTIMIZERS),
        "momentum": suggest_normal(trial, "momentum", 0.9, 0.1),
    }


def objective(config):
    args = search_space(optuna.trial.FixedTrial(config))
    model = args["model"]
    if model["type"] == "mlp":
        loss = abs(np.log10(model["lr"]) + 3) + 32 / model["hidden"]
    elif model["type"] == "gbm":
        loss = abs(np.log10(model["lr"]) + 1) + model["rounds"] / 100
    else:
        raise ValueError(model["type"])
    return {
        "loss": loss + (args["momentum"] - 0.9) ** 2 + (args["optimizer"] == "sgd"),
        "args": args,
    }


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
        num_samples=25,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
best_params = search_space(optuna.trial.FixedTrial(best_result.config))
print("optimizer", best["optimizer"], best_params["model"]["type"])
best_loss = best_result.metrics["loss"]
