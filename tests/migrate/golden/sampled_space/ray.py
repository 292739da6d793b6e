import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_option(trial, name, options):
    """Suggest one of some options; the searcher holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


def search_space(trial):
    return {
        "x": trial.suggest_float("x", -1, 1),
        "op": suggest_option(trial, "op", [abs, None]),
    }


print(search_space(optuna.create_study().ask()))


def objective(p):
    return p["x"] ** 2 if p["op"] is None else 1 + p["op"](p["x"])


def run_trial(config):
    return {"loss": objective(search_space(optuna.trial.FixedTrial(config)))}


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
        ),
        num_samples=15,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
best_loss = objective(search_space(optuna.trial.FixedTrial(best_result.config)))
