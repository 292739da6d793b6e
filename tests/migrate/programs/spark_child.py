"""Run programs written for Spark in one session; what `test_spark_runs.py` starts.

Argument: a Spark master, or one behind ``connect:`` for a Connect server on it. Reads settings of
the session, variables for a Connect server, and programs from stdin, each program with how many
seconds it runs before Ctrl-C, and prints what became of each.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import threading
import time
import types
import warnings
from collections import Counter
from typing import Any


def open_session(kind: str, settings: dict[str, str], variables: dict[str, str]) -> Any:
    from pyspark.sql import SparkSession

    builder = (
        SparkSession.builder.config(map=settings)
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.connect.grpc.binding.address", "127.0.0.1")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "OFF")
    )
    master = kind.removeprefix("connect:")
    if master == kind:
        return builder.master(master).getOrCreate()
    from pyspark import SparkContext

    os.environ.update(variables)
    SparkContext._ensure_initialized()
    os.environ["SPARK_TESTING"] = "1"  # the server takes any free port
    return builder.remote(master).getOrCreate()


def facts_of(name: str, text: str, interrupt_after: float | None) -> dict[str, Any]:
    import mlflow

    experiment = mlflow.set_experiment(name).experiment_id
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    if interrupt_after is not None:
        threading.Timer(interrupt_after, os.kill, (os.getpid(), signal.SIGINT)).start()
    raised = ""
    started = time.monotonic()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(text, name, "exec"), module.__dict__)
    except BaseException as exc:
        raised = f"{type(exc).__name__}: {exc}"
    seconds = time.monotonic() - started
    study = module.__dict__.get("study", module.__dict__.get("trials"))
    runs = mlflow.MlflowClient().search_runs([experiment])
    is_active = mlflow.active_run() is not None
    while mlflow.active_run() is not None:
        mlflow.end_run()
    return {
        "raised": raised,
        "seconds": seconds,
        "best_loss": module.__dict__.get("best_loss"),
        "found": module.__dict__.get("found"),
        "states": {} if study is None else Counter(t.state.name for t in study.trials),
        "driver": os.getpid(),
        "active": is_active,
        "runs": [
            {
                "id": run.info.run_id,
                "status": run.info.status,
                "parent": run.data.tags.get("mlflow.parentRunId"),
                "outcome": run.data.tags.get("trial_status"),
                "metrics": run.data.metrics,
                "params": run.data.params,
            }
            for run in runs
        ],
    }


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warnings.simplefilter("ignore")
    for name in ("hyperopt", "hyperbridge"):
        sys.modules[name] = None  # type: ignore[assignment]  # seems not to be installed
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    request = json.loads(sys.stdin.read())
    programs = request["programs"]
    spark = open_session(sys.argv[1], request["settings"], request["variables"])
    facts = {name: facts_of(name, *program) for name, program in programs.items()}
    spark.stop()
    print(f"\nRESULT {json.dumps(facts, default=str)}", flush=True)


if __name__ == "__main__":
    main()
