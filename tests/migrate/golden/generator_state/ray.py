import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch


class Config:
    seed = 0
    low = -2.0


SEED = 0
config = Config()
rng = np.random.default_rng(np.random.SeedSequence([config.seed, SEED]).entropy[1])


def search_space(trial):
    return trial.suggest_float("v", config.low, -config.low)


def objective(config):
    v = search_space(optuna.trial.FixedTrial(config))
    return {"loss": (v + 1) ** 2}


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
            seed=int(rng.integers(2**31 - 1)),
        ),
        num_samples=15,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
best_loss = (best["v"] + 1) ** 2
