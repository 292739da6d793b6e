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


def search_space(trial):
    return {"n": trial.suggest_int("n", 2, 19), "w": trial.suggest_int("w", 1, 4)}


def objective(params):
    try:
        loss = 100 / (params["n"] - 5) ** 2 + params["w"]
    except ZeroDivisionError:
        return {"loss": None, "status": "fail"}
    if loss > 90: return {"loss": 90.0, "status": "ok"}
    return {
        "loss": loss
        + 0.5,
        "status": "ok",
        "w": params["w"],
    }


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
study.optimize(
    lambda trial: keep_result(trial, objective(search_space(trial))), n_trials=20
)
best = study.best_params
assert search_space(study.best_trial)["n"] == best["n"]
best_loss = study.best_value
