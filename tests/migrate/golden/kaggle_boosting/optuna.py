# Kaggle: house prices, tuned overnight
import warnings

import numpy as np
import optuna

warnings.filterwarnings("ignore")

SEED = 0
rng = np.random.RandomState(7)
X = rng.normal(size=(80, 4))
y = X[:, 0] * 2 - X[:, 1] + rng.normal(scale=0.1, size=80)


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


def hyperparameter_tuning(trial):
    """Fit and score one setting."""
    space = search_space(trial)
    depth = int(space["max_depth"])
    weight = X.T @ y / len(y) * space["learning_rate"] * depth
    prediction = X @ weight
    rmse = np.sqrt(np.mean((y - prediction) ** 2)) + space["gamma"] / 100 + abs(space["colsample_bytree"] - 0.8)
    print("SCORE:", rmse)
    trial.set_user_attr("model", depth)
    return rmse


def search_space(trial):
    return {
        'max_depth': trial.suggest_float("max_depth", 3, 18, step=1),
        'gamma': trial.suggest_float('gamma', 1, 9),
        'reg_alpha': trial.suggest_float('reg_alpha', 40, 180, step=1),
        'reg_lambda': trial.suggest_float('reg_lambda', 0, 1),
        'colsample_bytree': trial.suggest_float('colsample_bytree', 0.5, 1),
        'learning_rate': trial.suggest_float('learning_rate', 0.005, 0.2, log=True),
        'n_estimators': 180,
        'seed': 0,
    }


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(hyperparameter_tuning, n_trials=25)
best_hyperparams = study.best_params

print("The best hyperparameters are : ", "\n")
print(best_hyperparams)
print(search_space(study.best_trial))
best_model = [
    t["result"] for t in documents(study)
][np.argmin([r['loss'] for r in [t["result"] for t in documents(study)]])]['model']
best_loss = study.best_value
