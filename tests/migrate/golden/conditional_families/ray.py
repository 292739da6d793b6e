import math

import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0
KERNELS = ["rbf", "linear"]



def suggest_space(trial):
    classifier = trial.suggest_categorical("classifier", ["svm", "tree", "bayes"])
    if classifier == "svm":
        return {
            "type": "svm",
            "C": trial.suggest_float("C", math.exp(-3), math.exp(3), log=True),
            "kernel": trial.suggest_categorical("kernel", KERNELS),
        }
    elif classifier == "tree":
        return {
            "type": "tree",
            "depth": trial.suggest_int("depth", 1, 11),
        }
    else:
        return {
            "type": "bayes",
            "alpha": trial.suggest_float("alpha", 0, 1),
        }


def objective(params):
    params = suggest_space(optuna.trial.FixedTrial(params))
    kind = params.pop("type")
    if kind == "svm":
        loss = math.log(params["C"]) ** 2 + (params["kernel"] != "rbf")
    elif kind == "tree":
        loss = 0.5 + abs(params["depth"] - 6) / 6
    else:
        loss = 0.8 + params["alpha"]
    return {"loss": loss, "status": "ok", "kind": kind}


def ask_for_parameters(trial):
    """Ask for the parameters of a trial; Ray Tune passes them on as its config."""
    suggest_space(trial)


tuner = tune.Tuner(
    objective,
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
best = results.get_best_result().config
chosen = suggest_space(optuna.trial.FixedTrial(results.get_best_result().config))
best_loss = results.get_best_result().metrics["loss"]
print(chosen["type"], results.get_best_result().metrics["kind"])
