"""A search that waits for a line in each trial. Arguments: the study's storage, max_evals."""

import sys

import hyperbridge
from hyperbridge import hp, rand


def objective(point):
    print("running", flush=True)
    sys.stdin.readline()
    return point["x"]


hyperbridge.fmin(
    objective,
    {"x": hp.uniform("x", 0, 1)},
    algo=rand.suggest,
    tracking=False,
    max_evals=int(sys.argv[2]),
    show_progressbar=False,
    backend=hyperbridge.Optuna(storage=sys.argv[1], study_name="s"),
)
