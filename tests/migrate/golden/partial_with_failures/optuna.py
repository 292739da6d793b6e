import optuna

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

if __name__ == '__main__':
    try:
        def run_trial(trial):
            params = {
                "x": trial.suggest_float("x", 0, 1),
                "d": trial.suggest_int("d", 1, 5),
                "t": {
                    "1, 2": (1, 2),
                    "3, 4": (3, 4),
                }[trial.suggest_categorical("t", ["1, 2", "3, 4"])],
            }
            result = objective(params, scale=0.5)
            if result.get("status", "ok") != "ok":
                return float("nan")
            for key, value in result.items():
                if key not in ("loss", "status"):
                    trial.set_user_attr(key, value)
            return result["loss"]

        study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(n_startup_trials=5, seed=SEED),
        )
        study.optimize(run_trial, n_trials=12)
        best = study.best_params
    except KeyboardInterrupt:
        raise
    print(best['x'], study.best_trial.params['d'], len([t.value for t in study.trials]))
    best_loss = study.best_value
