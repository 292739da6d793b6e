"""A search that is kept on disk, and says what it knows to be kept. Argument: settings as JSON.

It prints ``began`` before fmin and ``ended`` after it. To the file ``acknowledged`` it adds a line
for each trial once fmin has told its early-stop function of it, with its id and its loss.
"""

import json
import os
import sys
import time
from typing import Any

import numpy as np
from hyperopt import hp, rand, tpe

import hyperbridge

settings = json.loads(sys.argv[1])
SPACE = {"x": hp.uniform("x", -5, 5), "kind": hp.choice("kind", [0, hp.quniform("q", 1, 9, 2)])}


def objective(point: Any) -> Any:
    time.sleep(0.001 + 0.004 * abs(point["x"]) / 5)
    loss = float((point["x"] - 1) ** 2 + point["kind"])
    return {"loss": loss, "status": "ok", "half": loss / 2}


told: set[int] = set()


def acknowledge(trials: Any, *args: Any) -> Any:
    new = [d for d in trials._dynamic_trials if d["state"] == 2 and d["tid"] not in told]
    told.update(d["tid"] for d in new)
    lines = "".join(f"{d['tid']} {d['result']['loss']!r}\n" for d in new)
    descriptor = os.open("acknowledged", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, lines.encode())
    os.close(descriptor)
    return False, args


backend: Any = settings["backend"]
if backend == "processes":
    backend = hyperbridge.Local(workers="processes")
elif backend == "spark":
    from pyspark.sql import SparkSession

    SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
elif backend == "ray":
    import ray
    from ray.tune import RunConfig

    ray.init(address=settings["ray"], log_to_driver=False, logging_level="ERROR")
    backend = hyperbridge.Ray(run_config=RunConfig(storage_path=os.path.abspath("results")))

print("began", flush=True)
hyperbridge.fmin(
    objective,
    SPACE,
    algo={"tpe": tpe.suggest, "rand": rand.suggest}[settings["algo"]],
    max_evals=settings["max_evals"],
    rstate=np.random.default_rng(settings["seed"]),
    early_stop_fn=acknowledge,
    backend=backend,
    parallelism=settings["parallelism"],
    tracking=settings["tracked"],
    show_progressbar=False,
    **settings["kept"],
)
print("ended", flush=True)
