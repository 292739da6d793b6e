import math
from statistics import NormalDist

import optuna
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

SEED = 0
X, y = load_iris(return_X_y=True)
MODELS = {"tree": DecisionTreeClassifier, "logistic": LogisticRegression}


def suggest_normal(trial, name, mu, sigma, *, log=False):
    """Suggest a normally distributed number.

    Optuna's parameters are bounded: the study holds a quantile under the name, and the
    number itself as a user attribute of the trial.
    """
    quantile = trial.suggest_float(name, 1e-9, 1 - 1e-9)
    value = NormalDist(mu, 1.5 * sigma).inv_cdf(quantile)  # wider: TPE narrows it down
    if log:
        value = math.exp(value)
    trial.set_user_attr(f"{name}:value", value)
    return value


def values_of(trial):
    """Return a trial's values, also those that the study holds in another form."""
    held = trial.user_attrs
    return {
        name: held.get(f"{name}:value", value) for name, value in trial.params.items()
    }


class StopWithoutProgress:
    """Stop a study after a number of trials in a row that did not improve on the best loss."""

    def __init__(self, patience, percent=0.0):
        self.patience = patience
        self.percent = percent
        self.best = None
        self.waited = 1  # the first trial counts

    def __call__(self, study, trial):
        if trial.value is None:  # it failed
            return
        if self.best is None:
            self.best = trial.value
        elif trial.value < self.best - abs(self.best) * self.percent / 100:
            self.best = trial.value
            self.waited = 0
        else:
            self.waited += 1
            if self.waited >= self.patience:
                study.stop()


def search_space(trial):
    classifier = trial.suggest_categorical('classifier', ["tree", "logistic"])
    if classifier == "tree":
        return {
            'model': 'tree',
            'params': {
                'max_depth': trial.suggest_categorical('max_depth', range(1, 5)),
                'criterion': trial.suggest_categorical(
                    'criterion', ["gini", "entropy"]
                ),
                'random_state': 0,
            },
        }
    return {
        'model': 'logistic',
        'params': {'C': suggest_normal(trial, 'C', 0, 1, log=True), 'max_iter': 200},
    }


def hyperopt_train_test(params):
    clf = MODELS[params['model']](**params['params'])
    return cross_val_score(clf, X, y, cv=3).mean()


best = 0
count = 0


def f(trial):
    params = search_space(trial)
    global best, count
    count += 1
    acc = hyperopt_train_test(params.copy())
    if acc > best:
        print('new best:', acc, 'using', params['model'])
        best = acc
    return -acc


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(f, n_trials=12, callbacks=[StopWithoutProgress(8)])
found = values_of(study.best_trial)
print('best:', search_space(study.best_trial))
best_loss = study.best_value
