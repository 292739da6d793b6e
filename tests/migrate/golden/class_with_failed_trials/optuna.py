from typing import Any, Dict

import optuna

SEED = 0


def keep_result(trial, result):
    """Keep what an objective returned with the trial, and return the loss."""
    if not isinstance(result, dict):
        return result
    is_ok = result.get("status", "ok") == "ok"
    for key, value in result.items():
        if not is_ok or key not in ("loss", "status"):
            trial.set_user_attr(key, value)
    return result["loss"] if is_ok else float("nan")


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
        def search_space(trial):
            return {
                "a": trial.suggest_float("a", -5, 5),
                "b": trial.suggest_float("b", 0, 10, step=2),
            }

        def run_trial(trial):
            return keep_result(trial, self.objective(search_space(trial)))

        study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(n_startup_trials=20, seed=SEED),
        )
        study.optimize(run_trial, n_trials=self.max_evals)
        self.best = search_space(study.best_trial)
        self.best_loss = study.best_value
        return self.best


tuner = Tuner(target=1.5)
tuner.run()
best_loss = tuner.best_loss
