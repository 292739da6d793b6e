"""A search in worker processes, with functions and classes of this program's own.

Tests run it in many ways: as a script, as a module, from a zip; mostly with a call at its end.
"""

import numpy as np

from hyperbridge import Local, Trials, fmin, hp, rand


class Box:
    def __init__(self, value):
        self.value = value


class Low(Exception):
    pass


def boxed(x):
    return Box(x)


def objective(x):
    if x < -0.5:
        raise Low(x)
    return {"loss": boxed(x).value, "status": "ok", "box": boxed(x)}


def search(fn=objective):
    trials = Trials()
    fmin(
        fn,
        hp.uniform("x", -1, 1),
        algo=rand.suggest,
        max_evals=2,
        trials=trials,
        points_to_evaluate=[{"x": -0.75}],
        rstate=np.random.default_rng(0),
        show_progressbar=False,
        catch_eval_exceptions=True,
        backend=Local(workers="processes"),
    )
    (failed,) = [d for d in trials._dynamic_trials if d["state"] == 3]
    assert failed["misc"]["error"][0].endswith("Low'>"), failed["misc"]["error"]
    assert all(type(d["result"]["box"]) is Box for d in trials.trials)
    print(len(trials.trials), "trials", flush=True)
