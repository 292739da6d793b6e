import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


class Ridge:
    offset = 0.5


class Lasso:
    offset = 0.1


def objective(params):
    params = suggest_space(optuna.trial.FixedTrial(params))
    model = params["model"]
    width = sum(params["layers"])
    return {"loss": model.offset + abs(width - 96) / 96 + params["p"], "status": "ok", "model": model()}


def suggest_space(trial):
    return {
        "model": {
            "Ridge": Ridge,
            "Lasso": Lasso,
        }[trial.suggest_categorical("model", ["Ridge", "Lasso"])],
        "layers": {
            "64": (64,),
            "64, 32": (64, 32),
            "128": (128,),
        }[trial.suggest_categorical("layers", ["64", "64, 32", "128"])],
        "p": trial.suggest_categorical("p", [0.0, 0.5]),
    }




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
best_model = results.get_best_result().metrics["model"]
best_loss = results.get_best_result().metrics["loss"]
