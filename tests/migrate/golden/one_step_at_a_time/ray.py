import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def tuned(settings, noise):
    depth, eta = settings.get("depth", 6), settings.get("eta", 0.3)
    loss = (depth - 4) ** 2 / 10 + abs(np.log10(eta) + 1) + settings.get("alpha", 1) * noise
    return loss + 0.5 * settings.get("grow", 1)


params = {"seed": 7}


def suggest_option(trial, name, options):
    """Suggest one of some options; the searcher holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


steps = [
    lambda trial: {"depth": trial.suggest_float("depth", 2, 9, step=1), "grow": suggest_option(trial, "grow", ["leaves", "levels"])},  # the tree
    lambda trial: {"eta": trial.suggest_float("eta", 0.01, 1, log=True)},  # boosting
    lambda trial: {"alpha": trial.suggest_float("alpha", 0, 2)},
]
options = ["leaves", "levels"]

for step in steps:
    def search_space(trial, params=params, step=step):
        return {**params, **step(trial)}

    def objective(config):
        p = search_space(optuna.trial.FixedTrial(config))
        return {
            "loss": tuned(
                {
                    **p,
                    "grow": p["grow"] if p["grow"] in (0, 1) else options.index(
                        p["grow"],
                    ),
                },
                0.1,
            ) if "grow" in p else tuned(p, 0.1),
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
            num_samples=10,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    best_result = results.get_best_result()
    best = best_result.config
    params = {**params, **best}
    print(len(params), best_result.metrics["loss"])

best_loss = tuned(params, 0.1)
