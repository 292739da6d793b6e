"""A search whose first trial sleeps until the program is stopped, which takes a while to end."""

import time

from hyperopt import Trials, fmin, hp, rand


def sleep(p):
    print("asleep", flush=True)
    time.sleep(600)
    return p


trials = Trials()
try:
    fmin(sleep, hp.uniform("x", 0, 1), rand.suggest, 2, trials=trials, show_progressbar=False)
finally:
    time.sleep(5)  # Ray would abort the process after three
    print("states", [document["state"] for document in trials._dynamic_trials])
