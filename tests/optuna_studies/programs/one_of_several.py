"""One of several searches on a study. Arguments: storage, max_evals, the trial that waits or -1.

It begins at the moment that is read from stdin.
"""

import sys
import time

import numpy as np

import hyperbridge
from hyperbridge import hp, rand

storage, max_evals, waiting_trial = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
begun = 0


def objective(point):
    global begun
    print("begins", point["x"], flush=True)
    if begun == waiting_trial:
        print("waits", flush=True)
        sys.stdin.readline()
    begun += 1
    return point["x"] ** 2


hyperbridge.Optuna(storage=storage)
trials = hyperbridge.Trials()
print("ready", flush=True)
begin = float(sys.stdin.readline())
while time.time() < begin:
    pass
hyperbridge.fmin(
    objective,
    {"x": hp.uniform("x", 0, 1), "k": hp.choice("k", [0, 1])},
    algo=rand.suggest,
    rstate=np.random.default_rng(),
    tracking=False,
    max_evals=max_evals,
    show_progressbar=False,
    trials=trials,
    backend=hyperbridge.Optuna(storage=storage, study_name="s"),
)
tids = [document["tid"] for document in trials._dynamic_trials]
print("ends", len(tids), len(set(tids)), len(trials.losses()), flush=True)
