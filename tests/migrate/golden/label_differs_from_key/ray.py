import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def objective(config):
    args = search_space(optuna.trial.FixedTrial(config))
    return {"loss": abs(args["learning_rate"] - 0.1) + args["depth"] / 100}


def search_space(trial):
    return {
        "learning_rate": trial.suggest_float("lr", 0.01, 0.5),
        "depth": trial.suggest_float("max depth", 2, 10, step=1),
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
            sampler=optuna.samplers.RandomSampler(seed=SEED),
        ),
        num_samples=20,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best_loss = best_result.metrics["loss"]
