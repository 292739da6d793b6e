"""A search whose journal may have so many bytes. Arguments: the journal, max_evals, the bytes."""

import signal
import sys
import warnings

import numpy as np
from hyperopt import hp, rand

from hyperbridge.errors import HyperbridgeWarning, InvalidArgumentError, NotSavedError
from hyperbridge.surface.fmin import fmin

if len(sys.argv) > 3:
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))


def objective(x):
    return {"loss": x, "status": "ok", "ballast": np.zeros(500)}


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    try:
        fmin(
            objective, hp.uniform("x", -1, 1), algo=rand.suggest, max_evals=int(sys.argv[2]),
            journal=sys.argv[1], show_progressbar=False, rstate=np.random.default_rng(1),
        )  # fmt: skip
        print("ended well")
    except NotSavedError as exc:
        print("in memory", len(exc.trials.trials))
    except InvalidArgumentError as exc:
        print("refused:", exc)
ours = [str(each.message) for each in caught if issubclass(each.category, HyperbridgeWarning)]
print("warnings", len(ours))
