import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0

def objective(config, *, scale=1.0, data=None):
    """Doc."""
    global calls
    calls = globals().get("calls", 0) + 1
    trial = config["x"]
    if (y := trial * scale) > 0.99:
        return {'status': "fail", 'loss': y}
    def helper(z):
        return {'loss': z}
    return dict(loss=y + helper(config["d"])["loss"], status="ok", extra=[1, 2], attachments={})


def suggest_params(trial):
    return {
        "x": trial.suggest_float("x", 0, 1),
        "d": trial.suggest_int("d", 1, 5),
        "t": {
            "1, 2": (1, 2),
            "3, 4": (3, 4),
        }[trial.suggest_categorical("t", ["1, 2", "3, 4"])],
    }


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    suggest_params(trial)


if __name__ == '__main__':
    try:
        def run_trial(config):
            result = objective(suggest_params(optuna.trial.FixedTrial(config)), scale=0.5)
            return {"loss": float("nan"), **result}

        tuner = tune.Tuner(
            run_trial,
            tune_config=tune.TuneConfig(
                metric="loss",
                mode="min",
                search_alg=OptunaSearch(
                    ask_for_parameters,
                    metric="loss",
                    mode="min",
                    sampler=optuna.samplers.TPESampler(n_startup_trials=5, seed=SEED),
                ),
                num_samples=12,
                reuse_actors=True,
            ),
        )
        results = tuner.fit()
        best_result = results.get_best_result()
        best = best_result.config
    except KeyboardInterrupt:
        raise
    print(best['x'], best_result.config['d'], len([t.metrics.get("loss") for t in results]))
    best_loss = best_result.metrics["loss"]
