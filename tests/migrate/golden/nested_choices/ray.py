import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_space(trial):
    model = trial.suggest_categorical("model", ["linear", "net"])
    if model == "linear":
        penalty = trial.suggest_categorical("penalty", ["l1", "elastic"])
        if penalty == "l1":
            penalty_params = "l1"
        else:
            penalty_params = {
                "elastic": trial.suggest_float("mix", 0, 1),
            }
        model_params = {"name": "linear", "penalty": penalty_params}
    else:
        model_params = {
            "name": "net",
            "layers": (
                trial.suggest_int("width", 0, 7),
                trial.suggest_categorical("act", ["relu", "tanh"]),
            ),
        }
    return {"model": model_params, "seed": 7}


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    suggest_space(trial)


def objective(config):
    params = suggest_space(optuna.trial.FixedTrial(config))
    model = params["model"]
    if model["name"] == "linear":
        penalty = model["penalty"]
        return {"loss": 1.0 if penalty == "l1" else penalty["elastic"]}
    width, act = model["layers"]
    return {"loss": abs(width - 4) / 4 + (act == "relu") * 0.1}


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
