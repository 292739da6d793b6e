import numpy as np
from hyperopt import fmin, hp, tpe, Trials, space_eval, STATUS_OK
from hyperopt.early_stop import no_progress_loss
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

SEED = 0
X, y = load_iris(return_X_y=True)
MODELS = {"tree": DecisionTreeClassifier, "logistic": LogisticRegression}

space = hp.choice('classifier', [
    {'model': 'tree', 'params': {'max_depth': hp.choice('max_depth', range(1, 5)), 'criterion': hp.choice('criterion', ["gini", "entropy"]), 'random_state': 0}},
    {'model': 'logistic', 'params': {'C': hp.lognormal('C', 0, 1), 'max_iter': 200}},
])


def hyperopt_train_test(params):
    clf = MODELS[params['model']](**params['params'])
    return cross_val_score(clf, X, y, cv=3).mean()


best = 0
count = 0


def f(params):
    global best, count
    count += 1
    acc = hyperopt_train_test(params.copy())
    if acc > best:
        print('new best:', acc, 'using', params['model'])
        best = acc
    return {'loss': -acc, 'status': STATUS_OK}


trials = Trials()
found = fmin(f, space, algo=tpe.suggest, max_evals=12, trials=trials, early_stop_fn=no_progress_loss(8), rstate=np.random.default_rng(SEED), show_progressbar=False)
print('best:', space_eval(space, found))
best_loss = trials.best_trial['result']['loss']
