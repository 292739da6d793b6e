"""A search on Spark, which says why if Spark cannot be started."""

from hyperbridge import SparkTrials, fmin, hp, rand
from hyperbridge.errors import BackendUnavailableError

try:
    fmin(abs, hp.uniform("x", 0, 1), rand.suggest, 1, trials=SparkTrials(), tracking=False)
except BackendUnavailableError as exc:
    print(exc)
