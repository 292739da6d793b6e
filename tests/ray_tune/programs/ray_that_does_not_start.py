"""A search on a Ray that does not start, and whether it is initialised then."""

from hyperopt import hp, rand

from hyperbridge import fmin
from hyperbridge.errors import BackendUnavailableError

try:
    fmin(lambda x: x, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=1)
except BackendUnavailableError as exc:
    print("unavailable:", exc)
import ray

print("initialised", ray.is_initialized())
