"""Objectives that log from threads, pools and processes which they start themselves.

Each logs 1.0 under the names that `NAMES` lists for it. Nothing is said about runs.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

PROGRAM = """
import sys
import mlflow
mlflow.log_metric(sys.argv[1], 1.0)
"""

SEVERAL_RUNS_PROGRAM = """
import mlflow
for fold in range(3):
    with mlflow.start_run(nested=True):
        mlflow.log_metric("fold", fold)
"""

_kept: dict[str, Any] = {}


def log(name: str) -> None:
    import mlflow

    mlflow.log_metric(name, 1.0)


def log_with_active_run(name: str) -> None:
    import mlflow

    run = mlflow.active_run()
    assert run is not None
    mlflow.MlflowClient().log_metric(run.info.run_id, name, 1.0)


def log_in_run(name: str) -> None:
    import mlflow

    with mlflow.start_run():
        mlflow.log_metric(name, 1.0)


def threads(_: Any) -> float:
    import asyncio
    import threading
    from multiprocessing.pool import ThreadPool

    with ThreadPool(2) as pool:
        pool.map(log, ["pool_0", "pool_1"])
    with ThreadPoolExecutor(2) as executor:
        list(executor.map(log_with_active_run, ["executor_0", "executor_1"]))
    thread = threading.Thread(target=log_in_run, args=("thread",))
    thread.start()
    thread.join()
    asyncio.run(asyncio.to_thread(log, "asyncio"))
    return 0.5


def kept_pools(_: Any) -> float:
    """Pools of threads that are kept from trial to trial, as modules do."""
    from multiprocessing.pool import ThreadPool

    if not _kept:
        _kept.update(pool=ThreadPool(1), executor=ThreadPoolExecutor(1))
    _kept["pool"].map(log, ["kept_pool"])
    _kept["executor"].submit(log, "kept_executor").result()
    return 0.5


def joblib_threads(_: Any) -> float:
    import joblib

    joblib.Parallel(n_jobs=2, backend="threading")(
        joblib.delayed(log)(f"joblib_{n}") for n in (0, 1)
    )
    return 0.5


def joblib_loky(_: Any) -> float:
    import joblib

    joblib.Parallel(n_jobs=1)(joblib.delayed(log)("in_process") for _ in (0,))
    joblib.Parallel(n_jobs=2)(joblib.delayed(log)(f"loky_{n}") for n in range(6))
    return 0.5


def joblib_processes(_: Any) -> float:
    import joblib

    joblib.Parallel(n_jobs=2, backend="multiprocessing")(
        joblib.delayed(log)(f"processes_{n}") for n in (0, 1)
    )
    return 0.5


def _start_process(method: str, name: str) -> None:
    import multiprocessing

    process = multiprocessing.get_context(method).Process(target=log, args=(name,))
    process.start()
    process.join()
    assert process.exitcode == 0


def forked(_: Any) -> float:
    import multiprocessing

    _start_process("fork", "fork")
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.map(log, ["fork_pool"])
    child = os.fork()
    if child == 0:
        try:
            log("os_fork")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return 0.5


def spawned(_: Any) -> float:
    _start_process("spawn", "spawn")
    return 0.5


def from_a_fork_server(_: Any) -> float:
    _start_process("forkserver", "forkserver")
    return 0.5


def kept_processes(_: Any) -> float:
    """A pool of processes that is kept from trial to trial."""
    if "processes" not in _kept:
        _kept["processes"] = ProcessPoolExecutor(1)
    _kept["processes"].submit(log, "kept_process").result()
    return 0.5


def program(_: Any) -> float:
    import subprocess

    subprocess.run([sys.executable, "-c", PROGRAM, "program"], check=True)
    return 0.5


def shell_command(_: Any) -> float:
    import shlex

    command = shlex.join([sys.executable, "-c", PROGRAM, "os_system"])
    assert os.system(command) == 0
    assert os.waitstatus_to_exitcode(os.system(b"exit 3")) == 3
    assert os.popen("echo $MLFLOW_RUN_ID").read().strip()
    return 0.5


def program_with_several_runs(_: Any) -> float:
    import subprocess

    subprocess.run(
        [sys.executable, "-c", SEVERAL_RUNS_PROGRAM], check=True, env={**os.environ, "X": "1"}
    )
    return 0.5


NAMES: dict[Any, set[str]] = {
    threads: {"pool_0", "pool_1", "executor_0", "executor_1", "thread", "asyncio"},
    kept_pools: {"kept_pool", "kept_executor"},
    joblib_threads: {"joblib_0", "joblib_1"},
    joblib_loky: {"in_process", *(f"loky_{n}" for n in range(6))},
    joblib_processes: {"processes_0", "processes_1"},
    forked: {"fork", "fork_pool", "os_fork"},
    spawned: {"spawn"},
    from_a_fork_server: {"forkserver"},
    kept_processes: {"kept_process"},
    program: {"program"},
    shell_command: {"os_system"},
}
