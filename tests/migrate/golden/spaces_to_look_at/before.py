import hyperopt.pyll.stochastic
import numpy as np
from hyperopt import fmin, hp, tpe
from hyperopt.pyll import scope
from hyperopt.pyll.stochastic import sample

SEED = 0
# What was searched last month.
last = {
    "depth": scope.int(hp.quniform("depth", 2, 8, 1)),
    "booster": hp.choice("booster", [
        {"name": "tree", "drop": hp.uniform("drop", 0, 0.5)},
        {"name": "line"},
    ]),
}

space = {"rate": hp.loguniform("rate", np.log(0.01), 0), "name": hp.choice("name", ["ann", "bob"])}
print(hyperopt.pyll.stochastic.sample(space))

leaves = {"leaves": scope.int(hp.quniform("leaves", 5, 50, 5))}
drawn = [sample(leaves)["leaves"] for _ in range(5)]
print(min(drawn), sample(hp.uniform("share", 0, 1)))

line = {"x": hp.uniform("x", -5, 5)}
best = fmin(lambda p: (p["x"] - 1) ** 2, line, algo=tpe.suggest, max_evals=20, rstate=np.random.default_rng(SEED), show_progressbar=False)
best_loss = (best["x"] - 1) ** 2
