import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def base(trial):
    return trial.suggest_float("base", 0, 1)


def search_space(trial):
    return {
        "size": 2 * trial.suggest_int("half", 1, 8),
        "ratio": base(trial) / 2 + 0.25,
        "power": 10 ** trial.suggest_float("exponent", -3, 0),
    }


def objective(config):
    params = search_space(optuna.trial.FixedTrial(config))
    return {"loss": abs(params["size"] - 8) + params["ratio"] + params["power"]}


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
best = best_result.config
best_loss = abs(2 * int(best["half"]) - 8) + best["base"] / 2 + 0.25 + 10 ** best["exponent"]
