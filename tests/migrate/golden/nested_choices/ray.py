import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_branch(trial, name, branches):
    """Suggest one of some functions of the trial, and call it; the searcher holds its index."""
    branches = list(branches)
    return branches[trial.suggest_categorical(name, range(len(branches)))](trial)


def search_space(trial):
    return {
        "model": suggest_branch(
            trial,
            "model",
            [
                lambda trial: {
                    "name": "linear",
                    "penalty": suggest_branch(
                        trial,
                        "penalty",
                        [
                            lambda trial: "l1",
                            lambda trial: {"elastic": trial.suggest_float("mix", 0, 1)},
                        ],
                    ),
                },
                lambda trial: {
                    "name": "net",
                    "layers": (
                        trial.suggest_int("width", 0, 7),
                        trial.suggest_categorical("act", ["relu", "tanh"]),
                    ),
                },
            ],
        ),
        "seed": 7,
    }


def objective(config):
    params = search_space(optuna.trial.FixedTrial(config))
    model = params["model"]
    if model["name"] == "linear":
        penalty = model["penalty"]
        return {"loss": 1.0 if penalty == "l1" else penalty["elastic"]}
    width, act = model["layers"]
    return {"loss": abs(width - 4) / 4 + (act == "relu") * 0.1}


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
best_loss = best_result.metrics["loss"]
