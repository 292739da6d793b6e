"""A search that says when its first trial runs and waits in it. Argument: the journal."""

import sys

from hyperopt import hp, rand

from hyperbridge.surface.fmin import fmin


def objective(x):
    print("running", flush=True)
    sys.stdin.readline()
    return x


fmin(
    objective, hp.uniform("x", -1, 1), algo=rand.suggest, max_evals=1, journal=sys.argv[1],
    show_progressbar=False,
)  # fmt: skip
