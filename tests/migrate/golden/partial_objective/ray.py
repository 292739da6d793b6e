import optuna
from ray import tune as ray_tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def train(params, data, scale=1.0):
    residual = [params["w"] * x - y for x, y in data]
    return {
        "loss": scale * sum(r * r for r in residual),
        "status": "ok",
        "n": len(data),
    }


def tune(data):
    space = {"w": ray_tune.uniform(-4, 4)}

    def run_trial(config):
        return train(config, data=data)

    tuner = ray_tune.Tuner(
        run_trial,
        param_space=space,
        tune_config=ray_tune.TuneConfig(
            metric="loss",
            mode="min",
            search_alg=OptunaSearch(
                sampler=optuna.samplers.TPESampler(
                    n_startup_trials=5,
                    n_ei_candidates=30,
                    seed=SEED,
                ),
            ),
            num_samples=20,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    best_result = results.get_best_result()
    best = best_result.config
    return best, best_result.metrics["loss"]


best, best_loss = tune([(1, 2), (2, 4.1), (3, 5.9)])
