from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


class Tuner:
    def __init__(self, target):
        self.target = target

    def evaluate(self, params):
        return {"loss": abs(params["x"] - self.target), "status": "ok"}

    def run(self):
        space = {"x": tune.uniform(0, 10)}
        self.trials = None

        def run_trial(config):
            return self.evaluate(config)

        tuner = tune.Tuner(
            run_trial,
            param_space=space,
            tune_config=tune.TuneConfig(
                metric="loss",
                mode="min",
                search_alg=OptunaSearch(seed=SEED),
                num_samples=20,
                reuse_actors=True,
            ),
        )
        results = tuner.fit()
        best_result = results.get_best_result()
        best = best_result.config
        return best, best_result.metrics["loss"]


best, best_loss = Tuner(4).run()
