import optuna

SEED = 0


def suggest_option(trial, name, options):
    """Suggest one of some options; the study holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


def keep_result(trial, result):
    """Keep what an objective returned with the trial, and return the loss."""
    if not isinstance(result, dict):
        return result
    is_ok = result.get("status", "ok") == "ok"
    for key, value in result.items():
        if not is_ok or key not in ("loss", "status"):
            trial.set_user_attr(key, value)
    return result["loss"] if is_ok else float("nan")


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


def objective(config, *, scale=1.0, data=None):
    """Doc."""
    global calls
    calls = globals().get("calls", 0) + 1
    trial = config["x"]
    if (y := trial * scale) > 0.99:
        return {'status': "fail", 'loss': y}
    def helper(z):
        return {'loss': z}
    return dict(
        loss=y + helper(config["d"])["loss"], status="ok", extra=[1, 2], attachments={}
    )

def get_params(trial):
    """The space."""
    return dict(
        x=trial.suggest_float('x', 0, 1),
        d=trial.suggest_int('d', 1, 5),
        t=suggest_option(trial, 't', [(1, 2), (3, 4)]),
    )

if __name__ == '__main__':
    try:
        def run_trial(trial):
            return keep_result(trial, objective(get_params(trial), scale=0.5))

        study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(n_startup_trials=5, seed=SEED),
        )
        study.optimize(run_trial, n_trials=12)
        best = study.best_params
    except KeyboardInterrupt:
        raise
    print(
        best['x'],
        best_document(study)['misc']['vals']['d'][0],
        len([t["result"].get("loss") for t in documents(study)]),
    )
    best_loss = study.best_value
