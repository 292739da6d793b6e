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


def objective(params):
    params["depth"] = int(params["depth"])
    params.update({"fixed": 1})
    del params["unused"]
    loss = abs(params["depth"] - 5) + params["gamma"]
    result = {"loss": loss, "status": "ok"}
    result["params"] = params
    return result


def run_trial(trial):
    params = dict(
        depth=trial.suggest_float("depth", 1, 12, step=1),
        gamma=trial.suggest_float("gamma", 0, 1),
        unused=None,
    )
    return keep_result(trial, objective(params))


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(run_trial, n_trials=20)
best = study.best_params
best_loss = study.best_value
print(study.best_trial.user_attrs["params"]["fixed"])
