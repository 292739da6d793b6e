import numpy as np
from hyperopt import fmin, hp, tpe, Trials

SEED = 0
space = [hp.uniform("a", -1, 1), hp.normal("b", 0, 2)]


def f(args):
    a, b = args
    return a ** 2 + b ** 2


t = Trials()
best = fmin(f, space, algo=tpe.suggest, max_evals=20, trials=t, rstate=np.random.default_rng(SEED), show_progressbar=False)
best_loss = t.average_best_error()
print(best["a"], best["b"])
