"""What the programs share: a session of the kind asked for, and printing results."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

# Of the driver alone, not of the workers:
sys.path.insert(0, os.environ["HYPERBRIDGE_ROOT_OF_TESTS"])
sys.path.insert(0, os.path.join(os.environ["HYPERBRIDGE_ROOT_OF_TESTS"], "tests", "support"))

import numpy as np
from hyperopt import hp, rand

import hyperbridge

SPACE = {
    "x": hp.uniform("x", -5, 5),
    "kind": hp.choice("kind", [{"name": "a", "q": hp.quniform("q", 0, 5, 1)}, {"name": "b"}]),
}

logging.getLogger("hyperbridge").setLevel(logging.CRITICAL)
os.environ.setdefault("HYPERBRIDGE_TRACKING", "0")


def open_session(kind: str, **config: str) -> Any:
    """Open a SparkSession.

    Args:
        kind: A Spark master, or one behind ``connect:`` for a Connect server on it.
        config: Settings, with ``__`` for dots.
    """
    from pyspark.sql import SparkSession

    builder = (
        SparkSession.builder.config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.connect.grpc.binding.address", "127.0.0.1")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "OFF")
    )
    for name, value in config.items():
        builder = builder.config(name.replace("__", "."), value)
    master = kind.removeprefix("connect:")
    if master != kind:
        # Only in its own tests does PySpark let a server take any free port; its JVM must not
        # believe to be in one, because then it allows what it otherwise refuses.
        from pyspark import SparkContext

        SparkContext._ensure_initialized()
        os.environ["SPARK_TESTING"] = "1"
    builder = builder.remote(master) if master != kind else builder.master(master)
    return builder.getOrCreate()


def report(scenario: str, **facts: Any) -> None:
    print(f"\nRESULT {json.dumps({scenario: facts}, default=str)}", flush=True)


def search(fn: Any, trials: Any, *, space: Any = SPACE, **kwargs: Any) -> Any:
    """Call fmin quietly, with random search unless told otherwise."""
    arguments = {
        "algo": rand.suggest,
        "rstate": np.random.default_rng(0),
        "show_progressbar": False,
        "trials": trials,
        "return_argmin": False,
        **kwargs,
    }
    return hyperbridge.fmin(fn, space, **arguments)


def states(trials: Any) -> list[int]:
    return [document["state"] for document in trials._dynamic_trials]


def our_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("hyperbridge")]


def wait_for(condition: Any, timeout_s: float) -> bool:
    """Wait until a condition holds; return whether it came to hold."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def beating_objective(folder: str, seconds: float = 300.0) -> Any:
    """Return an objective that shows for a long time that it is alive."""

    def objective(point: Any) -> float:
        import os
        import time
        import uuid

        path = os.path.join(folder, uuid.uuid4().hex)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with open(path, "w") as file:
                file.write(str(time.time()))
            time.sleep(0.1)
        return 0.0

    return objective


def hearts(folder: str) -> list[float]:
    """Return when each beating objective was last alive."""
    return [path.stat().st_mtime for path in Path(folder).iterdir()]


def stopped_beating(folder: str, timeout_s: float) -> bool:
    """Wait until no objective has been alive for a second."""
    return wait_for(lambda: time.time() - max(hearts(folder), default=0.0) > 1.0, timeout_s)
