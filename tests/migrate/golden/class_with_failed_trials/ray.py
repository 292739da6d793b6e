from typing import Any, Dict

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def tune_result(result):
    """Return what Ray Tune takes for a result: a dict with a loss, NaN where it failed."""
    if not isinstance(result, dict):
        return {"loss": result}
    if result.get("status", "ok") != "ok":
        return {**result, "loss": float("nan")}
    return result


class Tuner:
    """Tunes a model."""

    def __init__(self, target: float, max_evals: int = 20) -> None:
        self.target = target
        self.max_evals = max_evals
        self.trials = None

    def objective(self, params: Dict[str, Any]) -> Dict[str, Any]:
        if params["a"] > 4.9:
            return {"status": "fail"}
        loss = (params["a"] - self.target) ** 2 + params["b"]
        return {"loss": loss, "status": "ok", "params": params}

    def run(self) -> Dict[str, Any]:
        space = {
            "a": tune.uniform(-5, 5),
            "b": tune.quniform(0, 10, 2),
        }

        def run_trial(config):
            return tune_result(self.objective(config))

        tuner_2 = tune.Tuner(
            run_trial,
            param_space=space,
            tune_config=tune.TuneConfig(
                metric="loss",
                mode="min",
                search_alg=OptunaSearch(
                    sampler=optuna.samplers.TPESampler(n_startup_trials=20, seed=SEED),
                ),
                num_samples=self.max_evals,
                reuse_actors=True,
            ),
        )
        results = tuner_2.fit()
        best_result = results.get_best_result()
        self.best = best_result.config
        self.best_loss = best_result.metrics["loss"]
        return self.best


tuner = Tuner(target=1.5)
tuner.run()
best_loss = tuner.best_loss
