from hyperopt import fmin, hp, tpe, Trials
import numpy as np
SEED = 0
trials = Trials()
fmin(lambda p: (p['a'] - 1) ** 2 + p['k'], {'a': hp.lognormal('a', 0, 1), 'k': hp.choice('k', [0, 5])}, algo=tpe.suggest, max_evals=8, trials=trials, rstate=np.random.default_rng(SEED), show_progressbar=False)
a = trials.argmin['a']
assert a == trials.best_trial['misc']['vals']['a'][0]
assert a in trials.vals['a']
assert (a - 1) ** 2 <= max(trials.losses())
for t in trials.trials:
    if t['result']['loss'] < 1:
        print(t['misc']['vals']['a'][0])
best_loss = trials.average_best_error()

