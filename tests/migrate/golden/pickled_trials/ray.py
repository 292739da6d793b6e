import io
import pickle

from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def objective(p):
    return {"loss": p["x"] ** 2, "double": 2 * p["x"]}


tuner = tune.Tuner(
    objective,
    param_space={"x": tune.uniform(-1, 1)},
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(seed=SEED),
        num_samples=10,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best = best_result.config
with io.BytesIO() as file:
    pickle.dump([r for r in results if "loss" in r.metrics], file)
best_loss = best["x"] ** 2
