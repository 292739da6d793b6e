import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_branch(trial, name, branches):
    """Suggest one of some functions of the trial, and call it; the searcher holds its index."""
    branches = list(branches)
    return branches[trial.suggest_categorical(name, range(len(branches)))](trial)


# What was searched last month.
def last(trial):
    return {
        "depth": trial.suggest_int("depth", 2, 8),
        "booster": suggest_branch(trial, "booster", [
            lambda trial: {"name": "tree", "drop": trial.suggest_float("drop", 0, 0.5)},
            lambda trial: {"name": "line"},
        ]),
    }


def search_space(trial):
    return {
        "rate": trial.suggest_float("rate", 0.01, 1, log=True),
        "name": trial.suggest_categorical("name", ["ann", "bob"]),
    }


print(search_space(optuna.create_study().ask()))


def leaves(trial):
    return {"leaves": trial.suggest_int("leaves", 5, 50, step=5)}


drawn = [leaves(optuna.create_study().ask())["leaves"] for _ in range(5)]
print(
    min(drawn),
    (lambda trial: trial.suggest_float("share", 0, 1))(optuna.create_study().ask()),
)


def line(trial):
    return {"x": trial.suggest_float("x", -5, 5)}


def objective(config):
    p = line(optuna.trial.FixedTrial(config))
    return {"loss": (p["x"] - 1) ** 2}


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    line(trial)


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
best_loss = (best["x"] - 1) ** 2
