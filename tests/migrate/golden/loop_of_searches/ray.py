import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0
best_losses = {}
for target in (1, 2):

    def objective(config):
        x = search_space(optuna.trial.FixedTrial(config))
        return {"loss": (x - target) ** 2}

    def search_space(trial):
        return trial.suggest_float("x", 0, 3)

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
            num_samples=10,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    best_result = results.get_best_result()
    best_losses[target] = best_result.metrics["loss"]
best_loss = sum(best_losses.values())
