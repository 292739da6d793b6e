import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


class Ridge:
    offset = 0.5


class Lasso:
    offset = 0.1


def suggest_option(trial, name, options):
    """Suggest one of some options; the searcher holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


def objective(config):
    params = search_space(optuna.trial.FixedTrial(config))
    model = params["model"]
    width = sum(params["layers"])
    return {"loss": model.offset + abs(width - 96) / 96 + params["p"], "model": model()}


def search_space(trial):
    return {
        "model": suggest_option(trial, "model", [Ridge, Lasso]),
        "layers": suggest_option(trial, "layers", [(64,), (64, 32), (128,)]),
        "p": trial.suggest_categorical("p", [0.0, 0.5]),
    }


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
best_model = best_result.metrics["model"]
best_loss = best_result.metrics["loss"]
