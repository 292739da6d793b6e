import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def objective(config):
    args = search_space(optuna.trial.FixedTrial(config))
    return {"loss": abs(args[0] - 2) + args[1]}


def search_space(trial):
    return (
        trial.suggest_float("first", 0, 4),
        trial.suggest_float("second", -3, 3, step=0.25),
    )


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
best_loss = abs(best["first"] - 2) + best["second"]
