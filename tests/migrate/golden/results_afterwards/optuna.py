import optuna

SEED = 0


def objective(trial):
    p = {
        "x": trial.suggest_float("x", -2, 2),
        "kind": trial.suggest_categorical("kind", ["a", "b"]),
    }
    loss = p["x"] ** 2 + (p["kind"] == "a")
    trial.set_user_attr("x2", p["x"] * 2)
    trial.set_user_attr("kind", p["kind"])
    return loss


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=15)

best_loss = study.best_value
print(len(study.trials), len(study.trials), study.best_params)
print(sorted([t.params["x"] for t in study.trials if "x" in t.params])[0])
print([r.user_attrs["x2"] for r in study.trials])
print([t.params["x"] for t in study.trials if t.value < 1])
for trial in study.trials:
    print(trial.number, trial.value, trial.user_attrs["kind"])
best_trial = study.best_trial
print(best_trial.user_attrs["x2"], best_trial.params["x"])
print(["ok" if t.state == optuna.trial.TrialState.COMPLETE else "fail" for t in study.trials][0], [{"loss": t.value, **t.user_attrs} for t in study.trials][0])
