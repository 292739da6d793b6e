from hyperopt import Trials, STATUS_OK, tpe, hp, fmin
import numpy as np

SEED = 0


def data():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(50, 3))
    return x, (x.sum(axis=1) > 0).astype(float)


def tune(max_evals=12):
    x_train, y_train = data()
    space = {
        'choice': hp.choice('num_layers', [{'layers': 'two'}, {'layers': 'three', 'units3': hp.uniform('units3', 64, 1024), 'dropout3': hp.uniform('dropout3', .25, .75)}]),
        'units1': hp.uniform('units1', 64, 1024),
        'dropout1': hp.uniform('dropout1', .25, .75),
        'batch_size': hp.uniform('batch_size', 28, 128),
        'nb_epochs': 100,
        'optimizer': hp.choice('optimizer', ['adadelta', 'adam', 'rmsprop']),
        'activation': 'relu',
    }

    def f_nn(params):
        score = float(np.mean(x_train.sum(axis=1) * y_train)) * params['dropout1']
        score += params['units1'] / 1024
        if params['choice']['layers'] == 'three':
            score += params['choice']['units3'] / 1024 * params['choice']['dropout3']
        if params['optimizer'] == 'adam':
            score -= 0.2
        return {'loss': score, 'status': STATUS_OK}

    trials = Trials()
    best = fmin(f_nn, space, algo=tpe.suggest, max_evals=max_evals, trials=trials, rstate=np.random.default_rng(SEED), show_progressbar=False)
    return best, trials.best_trial['result']['loss']


best, best_loss = tune()
print('best: ')
print(best)
