import optuna

SEED = 0


def suggest_option(trial, name, options):
    """Suggest one of some options; the study holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


def documents(study):
    """Return the trials of a study as hyperopt's documents, without those that raised."""
    complete = optuna.trial.TrialState.COMPLETE
    done = [t for t in study.trials if t.state == complete or "status" in t.user_attrs]
    labels = sorted({label for t in done for label in t.params})
    found = []
    for t in done:
        values = t.params
        loss = {} if t.value is None else {"loss": t.value}
        misc = {
            "tid": t.number,
            "cmd": ("domain_attachment", "FMinIter_Domain"),
            "workdir": None,
            "idxs": {k: [t.number] if k in values else [] for k in labels},
            "vals": {k: [values[k]] if k in values else [] for k in labels},
        }
        document = {
            "state": 2,
            "tid": t.number,
            "spec": None,
            "result": {**loss, "status": "ok", **t.user_attrs},
            "misc": misc,
            "exp_key": None,
            "owner": None,
            "version": 0,
            "book_time": t.datetime_start,
            "refresh_time": t.datetime_complete,
        }
        found.append(document)
    return found


def best_document(study):
    """Return the best trial of a study as hyperopt's document."""
    return next(d for d in documents(study) if d["tid"] == study.best_trial.number)


def values_by_label(study):
    """Return for each parameter its values in the trials that have it."""
    columns = {}
    for trial in documents(study):
        for label, values in trial["misc"]["vals"].items():
            columns.setdefault(label, []).extend(values)
    return columns


def search_space(trial):
    return {
        "x": trial.suggest_float("x", -2, 2),
        "kind": suggest_option(trial, "kind", ["a", "b"]),
    }


def objective(trial):
    p = search_space(trial)
    loss = p["x"] ** 2 + (p["kind"] == "a")
    trial.set_user_attr("x2", p["x"] * 2)
    trial.set_user_attr("kind", p["kind"])
    return loss


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=15)

best_loss = study.best_value
print(len(study.trials), len(study.trials), study.best_params)
print(sorted(values_by_label(study)["x"])[0])
print([r["x2"] for r in [t["result"] for t in documents(study)]])
print([t["misc"]["vals"]["x"][0] for t in documents(study) if t["result"]["loss"] < 1])
for trial in documents(study):
    print(trial["tid"], trial["result"]["loss"], trial["result"]["kind"])
best_trial = best_document(study)
print(best_trial["result"]["x2"], best_trial["misc"]["vals"]["x"][0])
print(
    [t["result"]["status"] for t in documents(study)][0],
    [t["result"] for t in documents(study)][0],
)
