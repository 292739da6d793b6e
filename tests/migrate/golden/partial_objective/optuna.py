import optuna

SEED = 0


def train(params, data, scale=1.0):
    residual = [params["w"] * x - y for x, y in data]
    return {"loss": scale * sum(r * r for r in residual), "status": "ok", "n": len(data)}


def tune(data):
    def run_trial(trial):
        params = {
            "w": trial.suggest_float("w", -4, 4),
        }
        result = train(params, data=data)
        for key, value in result.items():
            if key not in ("loss", "status"):
                trial.set_user_attr(key, value)
        return result["loss"]

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(
            n_startup_trials=5,
            n_ei_candidates=30,
            seed=SEED,
        ),
    )
    study.optimize(run_trial, n_trials=20)
    best = study.best_params
    return best, study.best_value


best, best_loss = tune([(1, 2), (2, 4.1), (3, 5.9)])
