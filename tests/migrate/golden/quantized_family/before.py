import numpy as np
import hyperopt as ho
from hyperopt import hp

SEED = 0
space = [hp.qloguniform("a", 0, 5, 1), hp.qnormal("b", 0, 5, 1), hp.qlognormal("c", 0, 1, 0.5), hp.uniformint("d", 1, 6), hp.randint("e", 5), hp.choice("f", range(3)), hp.choice("g", [None, True, 0.5])]


def objective(args):
    a, b, c, d, e, f, g = args
    return a / 100 + abs(b) / 10 + c + d + e + f + (g is None)


trials = ho.Trials()
result = ho.fmin(objective, space=space, algo=ho.rand.suggest, max_evals=40, trials=trials, rstate=np.random.default_rng(SEED), show_progressbar=False)
best_loss = trials.best_trial["result"]["loss"]
loss, params = trials.best_trial["result"]["loss"], trials.best_trial["misc"]["vals"]
print(params["a"][0])
