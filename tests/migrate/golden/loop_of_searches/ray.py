import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0
best_losses = {}
for target in (1, 2):

    def objective(x):
        x = suggest_params(optuna.trial.FixedTrial(x))
        return {"loss": (x - target) ** 2}

    def suggest_params(trial):
        return trial.suggest_float("x", 0, 3)

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
            num_samples=10,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    best_losses[target] = results.get_best_result().metrics["loss"]
best_loss = sum(best_losses.values())
