import numpy as np
import optuna
from ray import cloudpickle
from ray import tune as ray_tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def data():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(50, 3))
    return x, (x.sum(axis=1) > 0).astype(float)


def suggest_option(trial, name, options):
    """Suggest one of some options; the searcher holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


def suggest_branch(trial, name, branches):
    """Suggest one of some functions of the trial, and call it; the searcher holds its index."""
    branches = list(branches)
    return branches[trial.suggest_categorical(name, range(len(branches)))](trial)


class Picklable:
    """A function that Ray's searcher can save, as it cannot one inside of another."""

    def __init__(self, function):
        self.function = function

    def __call__(self, trial):
        return self.function(trial)

    def __reduce__(self):
        return cloudpickle.loads, (cloudpickle.dumps(self.function),)


def tune(max_evals=12):
    x_train, y_train = data()

    def search_space(trial):
        return {
            'choice': suggest_branch(
                trial,
                'num_layers',
                [
                    lambda trial: {'layers': 'two'},
                    lambda trial: {
                        'layers': 'three',
                        'units3': trial.suggest_float('units3', 64, 1024),
                        'dropout3': trial.suggest_float('dropout3', .25, .75),
                    },
                ],
            ),
            'units1': trial.suggest_float('units1', 64, 1024),
            'dropout1': trial.suggest_float('dropout1', .25, .75),
            'batch_size': trial.suggest_float('batch_size', 28, 128),
            'nb_epochs': 100,
            'optimizer': suggest_option(
                trial, 'optimizer', ['adadelta', 'adam', 'rmsprop']
            ),
            'activation': 'relu',
        }

    def f_nn(config):
        params = search_space(optuna.trial.FixedTrial(config))
        score = float(np.mean(x_train.sum(axis=1) * y_train)) * params['dropout1']
        score += params['units1'] / 1024
        if params['choice']['layers'] == 'three':
            score += params['choice']['units3'] / 1024 * params['choice']['dropout3']
        if params['optimizer'] == 'adam':
            score -= 0.2
        return {'loss': score}

    def ask_for_parameters(trial):
        """Ask for a trial's parameters; Ray Tune hands them on as its config."""
        search_space(trial)

    tuner = ray_tune.Tuner(
        f_nn,
        tune_config=ray_tune.TuneConfig(
            metric="loss",
            mode="min",
            search_alg=OptunaSearch(
                Picklable(ask_for_parameters),
                metric="loss",
                mode="min",
                seed=SEED,
            ),
            num_samples=max_evals,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    best_result = results.get_best_result()
    best = best_result.config
    return best, best_result.metrics["loss"]


best, best_loss = tune()
print('best: ')
print(best)
