import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0
LAYERS = ["small", "large"]


def suggest_option(trial, name, options):
    """Suggest one of some options; the searcher holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


def search_space(trial):
    return {
        "lr": trial.suggest_float("lr", 1e-4, 1, log=True),
        "layers": suggest_option(trial, "layers", LAYERS),
        "n": trial.suggest_int("n", 1, 9),
    }


def loss_of(point):
    return abs(np.log10(point["lr"]) + 2) + (point["layers"] == "small") + point["n"] / 10


def run_trial(config):
    return {"loss": loss_of(search_space(optuna.trial.FixedTrial(config)))}


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    search_space(trial)


tuner = tune.Tuner(
    run_trial,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(
            ask_for_parameters,
            metric="loss",
            mode="min",
            seed=SEED,
            points_to_evaluate=[
                {"lr": 0.01, "layers": 1, "n": 2.0},
                {"lr": 0.5, "layers": 0, "n": 9},
            ],
        ),
        num_samples=17,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
print(LAYERS[best["layers"]])
best_loss = loss_of({"lr": best["lr"], "layers": LAYERS[best["layers"]], "n": best["n"]})
