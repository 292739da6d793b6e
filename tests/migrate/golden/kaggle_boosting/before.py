# Kaggle: house prices, tuned overnight
import warnings

import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, tpe
from hyperopt import space_eval

warnings.filterwarnings("ignore")

SEED = 0
rng = np.random.RandomState(7)
X = rng.normal(size=(80, 4))
y = X[:, 0] * 2 - X[:, 1] + rng.normal(scale=0.1, size=80)


def hyperparameter_tuning(space):
    """Fit and score one setting."""
    depth = int(space["max_depth"])
    weight = X.T @ y / len(y) * space["learning_rate"] * depth
    prediction = X @ weight
    rmse = np.sqrt(np.mean((y - prediction) ** 2)) + space["gamma"] / 100 + abs(space["colsample_bytree"] - 0.8)
    print("SCORE:", rmse)
    return {'loss': rmse, 'status': STATUS_OK, 'model': depth}


space = {
    'max_depth': hp.quniform("max_depth", 3, 18, 1),
    'gamma': hp.uniform('gamma', 1, 9),
    'reg_alpha': hp.quniform('reg_alpha', 40, 180, 1),
    'reg_lambda': hp.uniform('reg_lambda', 0, 1),
    'colsample_bytree': hp.uniform('colsample_bytree', 0.5, 1),
    'learning_rate': hp.loguniform('learning_rate', np.log(0.005), np.log(0.2)),
    'n_estimators': 180,
    'seed': 0,
}

trials = Trials()
best_hyperparams = fmin(fn=hyperparameter_tuning,
                        space=space,
                        algo=tpe.suggest,
                        max_evals=25,
                        trials=trials,
                        rstate=np.random.default_rng(SEED), show_progressbar=False)

print("The best hyperparameters are : ", "\n")
print(best_hyperparams)
print(space_eval(space, best_hyperparams))
best_model = trials.results[np.argmin([r['loss'] for r in trials.results])]['model']
best_loss = min(trials.losses())
