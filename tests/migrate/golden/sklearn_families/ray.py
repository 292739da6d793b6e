import math
from statistics import NormalDist

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

SEED = 0
X, y = load_iris(return_X_y=True)
MODELS = {"tree": DecisionTreeClassifier, "logistic": LogisticRegression}


def suggest_normal(trial, name, mu, sigma, *, log=False):
    """Suggest a normally distributed number.

    Optuna's parameters are bounded: the searcher holds a quantile under the name, and the
    number itself as a user attribute of the trial.
    """
    if isinstance(trial, optuna.trial.FixedTrial):  # it holds the number itself
        return trial.suggest_float(name, -1e300, 1e300)
    quantile = trial.suggest_float(name, 1e-9, 1 - 1e-9)
    value = NormalDist(mu, 1.5 * sigma).inv_cdf(quantile)  # wider: TPE narrows it down
    if log:
        value = math.exp(value)
    trial.set_user_attr(f"{name}:value", value)
    return value


def values_of(trial):
    """Return a trial's values, also those that the searcher holds in another form."""
    held = trial.user_attrs
    return {
        name: held.get(f"{name}:value", value) for name, value in trial.params.items()
    }


class StopWithoutProgress(tune.Stopper):
    """Stop after a number of results in a row that did not improve on the best loss."""

    def __init__(self, patience, percent=0.0):
        self.patience = patience
        self.percent = percent
        self.best = None
        self.waited = 1  # the first result counts
        self.is_stuck = False
        self.seen = set()

    def __call__(self, trial_id, result):
        if trial_id in self.seen:  # Tune shows it again when the trial ends
            return False
        self.seen.add(trial_id)
        loss = result["loss"]
        if self.best is None:
            self.best = loss
        elif loss < self.best - abs(self.best) * self.percent / 100:
            self.best = loss
            self.waited = 0
        else:
            self.waited += 1
            self.is_stuck = self.waited >= self.patience
        return False

    def stop_all(self):
        return self.is_stuck


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


def f(config):
    params = search_space(optuna.trial.FixedTrial(config))
    global best, count
    count += 1
    acc = hyperopt_train_test(params.copy())
    if acc > best:
        print('new best:', acc, 'using', params['model'])
        best = acc
    return {'loss': -acc}


def ask_for_parameters(trial):
    """Ask for a trial's parameters; Ray Tune hands them on as its config."""
    search_space(trial)
    return values_of(trial)


tuner = tune.Tuner(
    f,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        search_alg=OptunaSearch(
            ask_for_parameters,
            metric="loss",
            mode="min",
            seed=SEED,
        ),
        num_samples=12,
        reuse_actors=True,
    ),
    run_config=tune.RunConfig(stop=StopWithoutProgress(8)),
)
results = tuner.fit()
best_result = results.get_best_result()
found = best_result.config
print('best:', search_space(optuna.trial.FixedTrial(best_result.config)))
best_loss = best_result.metrics["loss"]
