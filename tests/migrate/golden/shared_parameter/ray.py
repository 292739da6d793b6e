import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_space(trial):
    which = trial.suggest_categorical("which", ["a", "b"])
    if which == "a":
        return {
            "kind": "a",
            "rate": trial.suggest_float("rate", 0.001, 1, log=True),
        }
    else:
        return {
            "kind": "b",
            "rate": trial.suggest_float("rate", 0.001, 1, log=True),
            "momentum": trial.suggest_float("momentum", 0, 1),
        }


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    suggest_space(trial)


def objective(p):
    return abs(p["rate"] - 0.1) + p.get("momentum", 0.5)


def run_trial(config):
    return {"loss": objective(suggest_space(optuna.trial.FixedTrial(config)))}


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
        num_samples=20,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
best_loss = objective(suggest_space(optuna.trial.FixedTrial(best_result.config)))
