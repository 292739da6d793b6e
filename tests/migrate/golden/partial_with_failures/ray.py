from datetime import datetime
import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_option(trial, name, options):
    """Suggest one of some options; the searcher holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


def tune_result(result):
    """Return what Ray Tune takes for a result: a dict with a loss, NaN where it failed."""
    if not isinstance(result, dict):
        return {"loss": result}
    if result.get("status", "ok") != "ok":
        return {**result, "loss": float("nan")}
    return result


def documents(results):
    """Return the results of trials as hyperopt's documents, of those that gave a loss."""
    done = [(tid, r) for tid, r in enumerate(results) if "loss" in r.metrics]
    labels = sorted({label for _, r in done for label in r.config})
    tunes_own = {
        *("timestamp", "checkpoint_dir_name", "done", "training_iteration", "trial_id"),
        *("date", "time_this_iter_s", "time_total_s", "pid", "hostname", "node_ip"),
        *("config", "time_since_restore", "iterations_since_restore", "experiment_tag"),
    }
    found = []
    for tid, r in done:
        result = {"status": "ok"}
        result.update({k: v for k, v in r.metrics.items() if k not in tunes_own})
        if result["loss"] != result["loss"]:
            result.update(status="fail")
            del result["loss"]
        values = r.config
        misc = {
            "tid": tid,
            "cmd": ("domain_attachment", "FMinIter_Domain"),
            "workdir": None,
            "idxs": {k: [tid] if k in values else [] for k in labels},
            "vals": {k: [values[k]] if k in values else [] for k in labels},
        }
        ended = r.metrics["timestamp"]
        document = {
            "state": 2,
            "tid": tid,
            "spec": None,
            "result": result,
            "misc": misc,
            "exp_key": None,
            "owner": None,
            "version": 0,
            "book_time": datetime.fromtimestamp(ended - r.metrics["time_total_s"]),
            "refresh_time": datetime.fromtimestamp(ended),
        }
        found.append(document)
    return found


def best_document(results):
    """Return the best of some results as hyperopt's document."""
    done = [d for d in documents(results) if "loss" in d["result"]]
    return min(done, key=lambda d: d["result"]["loss"])


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
        def run_trial(config):
            return tune_result(
                objective(get_params(optuna.trial.FixedTrial(config)), scale=0.5),
            )

        def ask_for_parameters(trial):
            """Ask for a trial's parameters; Ray Tune hands them on as its config."""
            get_params(trial)

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
    print(
        best['x'],
        best_document(results)['misc']['vals']['d'][0],
        len([t["result"].get("loss") for t in documents(results)]),
    )
    best_loss = best_result.metrics["loss"]
