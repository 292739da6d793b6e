# Kaggle: house prices, tuned overnight
import warnings
from datetime import datetime

import numpy as np
from ray import tune
from ray.tune.search.optuna import OptunaSearch

warnings.filterwarnings("ignore")

SEED = 0
rng = np.random.RandomState(7)
X = rng.normal(size=(80, 4))
y = X[:, 0] * 2 - X[:, 1] + rng.normal(scale=0.1, size=80)


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


def hyperparameter_tuning(space):
    """Fit and score one setting."""
    depth = int(space["max_depth"])
    weight = X.T @ y / len(y) * space["learning_rate"] * depth
    prediction = X @ weight
    rmse = np.sqrt(np.mean((y - prediction) ** 2)) + space["gamma"] / 100 + abs(space["colsample_bytree"] - 0.8)
    print("SCORE:", rmse)
    return {'loss': rmse, 'model': depth}


space = {
    'max_depth': tune.quniform(3, 18, 1),
    'gamma': tune.uniform(1, 9),
    'reg_alpha': tune.quniform(40, 180, 1),
    'reg_lambda': tune.uniform(0, 1),
    'colsample_bytree': tune.uniform(0.5, 1),
    'learning_rate': tune.loguniform(0.005, 0.2),
    'n_estimators': 180,
    'seed': 0,
}

tuner = tune.Tuner(
    hyperparameter_tuning,
    param_space=space,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(seed=SEED),
        num_samples=25,
        reuse_actors=True,
    ),
)
results = tuner.fit()
best_result = results.get_best_result()
best_hyperparams = {
    name: best_result.config[name]
    for name in [
        'max_depth',
        'gamma',
        'reg_alpha',
        'reg_lambda',
        'colsample_bytree',
        'learning_rate',
    ]
}

print("The best hyperparameters are : ", "\n")
print(best_hyperparams)
print(best_result.config)
best_model = [
    t["result"] for t in documents(results)
][np.argmin([r['loss'] for r in [t["result"] for t in documents(results)]])]['model']
best_loss = best_result.metrics["loss"]
