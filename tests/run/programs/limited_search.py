"""A search whose save file may have so many bytes. Arguments: the file, the bytes, max_evals."""

import resource
import signal
import sys
import warnings

import cloudpickle
import numpy as np
from hyperopt import hp, rand

from hyperbridge.errors import HyperbridgeWarning, NotSavedError
from hyperbridge.surface.fmin import fmin

file, limit, max_evals = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def objective(x):
    return {"loss": x, "status": "ok", "ballast": np.zeros(500)}


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    try:
        fmin(
            objective, hp.uniform("x", -1, 1), algo=rand.suggest, max_evals=max_evals,
            trials_save_file=file, show_progressbar=False, rstate=np.random.default_rng(1),
        )  # fmt: skip
    except NotSavedError as exc:
        print("error", exc)
        print("in memory", len(exc.trials.trials))
ours = [str(each.message) for each in caught if issubclass(each.category, HyperbridgeWarning)]
print("warnings", len(ours), ours[:1])
with open(file, "rb") as opened:
    print("in the file", len(cloudpickle.load(opened).trials))
