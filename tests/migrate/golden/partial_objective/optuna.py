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


def train(params, data, scale=1.0):
    residual = [params["w"] * x - y for x, y in data]
    return {
        "loss": scale * sum(r * r for r in residual),
        "status": "ok",
        "n": len(data),
    }


def tune(data):
    def search_space(trial):
        return {"w": trial.suggest_float("w", -4, 4)}

    def run_trial(trial):
        return keep_result(trial, train(search_space(trial), data=data))

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(
            n_startup_trials=5, n_ei_candidates=30, seed=SEED
        ),
    )
    study.optimize(run_trial, n_trials=20)
    best = study.best_params
    return best, study.best_value


best, best_loss = tune([(1, 2), (2, 4.1), (3, 5.9)])
