"""A tracked search whose third trial sleeps until it is stopped, unless there is a file ``go_on``.

Arguments: the tracking URI; where the search is kept, with commas: a file of trials, a journal, the
URL of a study's storage.
"""

import sys
import time
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from hyperopt import hp, rand

import hyperbridge
from hyperbridge import fmin

uri, kept_in = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
mlflow.set_tracking_uri(uri)
mlflow.set_experiment("stopped")


def objective(x: float) -> float:
    if Path("second").exists() and not Path("go_on").exists():
        with mlflow.start_run(), mlflow.start_run(nested=True):
            Path("sleeping").touch()
            for _ in range(1200):
                time.sleep(0.1)
    if Path("first").exists():
        Path("second").touch()
    Path("first").touch()
    mlflow.log_metric("seen", x)
    return x


options: dict[str, Any] = {}
for place in filter(None, kept_in.split(",")):
    if place.startswith("sqlite"):
        options["backend"] = hyperbridge.Optuna(storage=place)
    elif place.endswith(".journal"):
        options["journal"] = place
    else:
        options["trials_save_file"] = place
fmin(
    objective,
    hp.uniform("x", 0, 1),
    algo=rand.suggest,
    max_evals=5,
    rstate=np.random.default_rng(0),
    show_progressbar=False,
    tracking=True,
    **options,
)
