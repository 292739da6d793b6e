"""A search for which Ray is started, and what is left of it afterwards."""

import signal
import sys
import warnings

warnings.simplefilter("error", DeprecationWarning)

from hyperopt import hp, rand

from hyperbridge import SparkTrials, fmin

trials = SparkTrials(parallelism=1)
numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
handlers = [signal.getsignal(n) for n in numbers]
fmin(
    lambda x: x,
    hp.uniform("x", 0, 1),
    algo=rand.suggest,
    max_evals=2,
    trials=trials,
    show_progressbar=False,
)
import ray

print("initialised", ray.is_initialized())
print("handlers", handlers == [signal.getsignal(n) for n in numbers])
print("grid", trials.result_grid.experiment_path, len(trials.losses()))
print("spark", any("pyspark.sql" in name for name in sys.modules))
