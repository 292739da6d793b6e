import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_space(trial):
    return {
        "size": 2 * trial.suggest_int("half", 1, 8),
        "ratio": trial.suggest_float("base", 0, 1) / 2 + 0.25,
        "power": 10 ** trial.suggest_float("exponent", -3, 0),
    }


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    suggest_space(trial)


def objective(config):
    params = suggest_space(optuna.trial.FixedTrial(config))
    return {"loss": abs(params["size"] - 8) + params["ratio"] + params["power"]}


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
best = best_result.config
best_loss = abs(2 * int(best["half"]) - 8) + best["base"] / 2 + 0.25 + 10 ** best["exponent"]
