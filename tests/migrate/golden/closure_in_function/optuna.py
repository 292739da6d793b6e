import numpy as np
import optuna

SEED = 0


def data():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(50, 3))
    return x, (x.sum(axis=1) > 0).astype(float)


def suggest_option(trial, name, options):
    """Suggest one of some options; the study holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


def suggest_branch(trial, name, branches):
    """Suggest one of some functions of the trial, and call it; the study holds its index."""
    branches = list(branches)
    return branches[trial.suggest_categorical(name, range(len(branches)))](trial)


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

    def f_nn(trial):
        params = search_space(trial)
        score = float(np.mean(x_train.sum(axis=1) * y_train)) * params['dropout1']
        score += params['units1'] / 1024
        if params['choice']['layers'] == 'three':
            score += params['choice']['units3'] / 1024 * params['choice']['dropout3']
        if params['optimizer'] == 'adam':
            score -= 0.2
        return score

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    study.optimize(f_nn, n_trials=max_evals)
    best = study.best_params
    return best, study.best_value


best, best_loss = tune()
print('best: ')
print(best)
