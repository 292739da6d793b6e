import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_params(trial):
    return trial.suggest_float("x", -10, 10)


def objective(x):
    x = suggest_params(optuna.trial.FixedTrial(x))
    return {"loss": (x - 3) ** 2}


def ask_for_parameters(trial):
    """Ask for the parameters of a trial; Ray Tune passes them on as its config."""
    suggest_params(trial)


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
best_loss = (best["x"] - 3) ** 2
