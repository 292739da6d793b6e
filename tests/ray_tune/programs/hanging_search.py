"""A search whose trials hang from the sixth on while there is a file ``hold``.

Each trial leaves a file in ``calls``.
"""

import numpy as np
import ray
from hyperopt import hp, rand
from ray.tune import RunConfig

from hyperbridge import Ray, Trials, fmin


def fn(p):
    import os
    import time
    import uuid

    number = len(os.listdir("calls"))
    open(f"calls/{p['x']} {uuid.uuid4().hex}", "w").close()
    while number >= 5 and os.path.exists("hold"):
        time.sleep(0.1)
    return p["x"]


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    trials = Trials()
    fmin(
        fn,
        {"x": hp.uniform("x", 0, 1)},
        algo=rand.suggest,
        max_evals=7,
        trials=trials,
        points_to_evaluate=[{"x": 0.5}],
        rstate=np.random.default_rng(0),
        show_progressbar=False,
        parallelism=2,
        tracking=False,
        backend=Ray(run_config=RunConfig(name="n", storage_path="results")),
    )
    print("losses", trials.losses())
    print("tids", sorted(trials.tids), "grid", len(trials.result_grid))
