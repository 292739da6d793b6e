import math

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0
KERNELS = ["rbf", "linear"]


def svm(trial):
    return {
        "type": "svm",
        "C": trial.suggest_float("C", math.exp(-3), math.exp(3), log=True),
        "kernel": trial.suggest_categorical("kernel", KERNELS),
    }


def search_space(trial):
    classifier = trial.suggest_categorical("classifier", ["svm", "tree", "bayes"])
    if classifier == "svm":
        return svm(trial)
    if classifier == "tree":
        return {"type": "tree", "depth": trial.suggest_int("depth", 1, 11)}
    return {"type": "bayes", "alpha": trial.suggest_float("alpha", 0, 1)}


def objective(config):
    params = search_space(optuna.trial.FixedTrial(config))
    kind = params.pop("type")
    if kind == "svm":
        loss = math.log(params["C"]) ** 2 + (params["kernel"] != "rbf")
    elif kind == "tree":
        loss = 0.5 + abs(params["depth"] - 6) / 6
    else:
        loss = 0.8 + params["alpha"]
    return {"loss": loss, "kind": kind}


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    search_space(trial)


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
best = best_result.config
chosen = search_space(optuna.trial.FixedTrial(best_result.config))
best_loss = best_result.metrics["loss"]
print(chosen["type"], best_result.metrics["kind"])
