from functools import partial
import numpy as np
from hyperopt import hp, fmin, tpe, STATUS_OK, STATUS_FAIL, Trials
from hyperopt.pyll.base import scope

SEED = 0

def objective(config, *, scale=1.0, data=None):
    """Doc."""
    global calls
    calls = globals().get("calls", 0) + 1
    trial = config["x"]
    if (y := trial * scale) > 0.99:
        return {'status': STATUS_FAIL, 'loss': y}
    def helper(z):
        return {'loss': z}
    return dict(loss=y + helper(config["d"])["loss"], status=STATUS_OK, extra=[1, 2], attachments={})

def get_params():
    """The space."""
    return dict(x=hp.uniform('x', 0, 1), d=scope.int(hp.quniform('d', 1, 5, 1)), t=hp.choice('t', [(1, 2), (3, 4)]))

if __name__ == '__main__':
    trials = Trials()
    try:
        best = fmin(fn=partial(objective, scale=0.5), space=get_params(), algo=partial(tpe.suggest, n_startup_jobs=5, gamma=0.3), max_evals=12, trials=trials, rstate=np.random.RandomState(SEED), verbose=0)
    except KeyboardInterrupt:
        raise
    print(best['x'], trials.best_trial['misc']['vals']['d'][0], len(trials.losses()))
    best_loss = trials.best_trial['result']['loss']
