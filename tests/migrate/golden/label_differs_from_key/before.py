from hyperopt import STATUS_OK, Trials, fmin, hp, rand
import numpy as np

SEED = 0
trials = Trials()


def objective(args):
    return {"status": STATUS_OK, "loss": abs(args["learning_rate"] - 0.1) + args["depth"] / 100}


fmin(
    objective,
    space={
        "learning_rate": hp.uniform("lr", 0.01, 0.5),
        "depth": hp.quniform("max depth", 2, 10, 1),
    },
    algo=rand.suggest,
    max_evals=20,
    trials=trials,
    rstate=np.random.RandomState(SEED),
    show_progressbar=False,
)
best_loss = min(trials.losses())
