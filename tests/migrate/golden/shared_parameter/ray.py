import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_branch(trial, name, branches):
    """Suggest one of some functions of the trial, and call it; the searcher holds its index."""
    branches = list(branches)
    return branches[trial.suggest_categorical(name, range(len(branches)))](trial)


def rate(trial):
    return trial.suggest_float("rate", 0.001, 1, log=True)


OPTIONS = [
    lambda trial: {"kind": "a", "rate": rate(trial)},
    lambda trial: {
        "kind": "b",
        "rate": rate(trial),
        "momentum": trial.suggest_float("momentum", 0, 1),
    },
]


def search_space(trial):
    return suggest_branch(trial, "which", OPTIONS)


def objective(p):
    return abs(p["rate"] - 0.1) + p.get("momentum", 0.5)


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
        num_samples=20,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
best_loss = objective(search_space(optuna.trial.FixedTrial(best_result.config)))
