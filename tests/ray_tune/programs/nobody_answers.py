"""Searches on clusters whose addresses nobody listens at."""

import os

from hyperopt import hp, rand

from hyperbridge import fmin
from hyperbridge.errors import BackendUnavailableError

for address in ("127.0.0.1:9", "ray://127.0.0.1:9"):
    os.environ["RAY_ADDRESS"] = address
    try:
        fmin(lambda x: x, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=1)
    except BackendUnavailableError as exc:
        print(exc)
