import numpy as np
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0
rng = np.random.default_rng(SEED)
space = {"x": tune.uniform(-3, 3), "y": tune.uniform(-3, 3)}


def objective(p):
    return p["x"] ** 2 + p["y"] ** 2


def run_trial(config):
    return {"loss": objective(config)}


tuner = tune.Tuner(
    run_trial,
    param_space=space,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(sampler=optuna.samplers.RandomSampler(seed=SEED)),
        num_samples=10,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best_random = best_result.config
tuner_2 = tune.Tuner(
    run_trial,
    param_space=space,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(seed=SEED),
        num_samples=15,
        reuse_actors=True,
    ),
)
results_2 = tuner_2.fit()
best_result_2 = results_2.get_best_result()
best_tpe = best_result_2.config
best_loss = min(objective(best_random), objective(best_tpe))
