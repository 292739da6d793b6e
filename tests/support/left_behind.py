"""What every call of fmin owes: nothing is left running, nothing is left behind.

`Watch` stands around a test, sees each call of fmin in its process, and says afterwards what is
wrong: a document RUNNING, an id given twice, an MLflow run RUNNING or without its parent, a thread,
a child process or a half-written file left behind.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from hyperopt.base import JOB_STATE_RUNNING

from hyperbridge.run.run import FminRun

PATIENCE_S = 5.0
"""How long a thread or a process may take to end after fmin has returned."""

ENGINES_OWN = (
    "java", "pyspark.daemon", "pyspark/daemon", "raylet", "gcs_server", "ray::", "ray/", "mlflow",
    "resource_tracker", "warm_python",
)  # fmt: skip
"""Words in the command lines of processes that live as long as the engine's session does."""

THREADS_OF_OTHERS = (
    "ray", "Ray", "py4j", "Py4J", "pyspark", "Mlflow", "mlflow", "Trace", "OtelBatch", "tqdm",
    "pytest", "grpc", "asyncio", "QueueFeeder", "SubprocessLogMonitor", "Dummy", "spark", "alembic",
    "loky", "ExecutorManager", "raylet", "execnet", "Async",
)  # fmt: skip
"""Parts of the names of threads that an engine, or a library in an objective, keeps."""

HALF_WRITTEN = re.compile(r"\..+\.[0-9a-f]{8,}(\.[0-9]+@.+)?")
"""The name of a file that is written aside, until it is renamed."""


class Watch:
    """Sees the calls of fmin between `begin` and `complaints`.

    Args:
        folder: The test's own folder, whose half-written files count as left behind.
        expected: Part of the complaints that this test may cause.
    """

    def __init__(self, folder: Path | None, expected: str | None = None) -> None:
        self.trials: list[Any] = []
        self.tracked: list[tuple[str, str]] = []
        self._folder = folder
        self._expected = expected
        self._threads = set(threading.enumerate())
        self._children = set(_children())

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Note the Trials and the MLflow runs of each call of fmin."""
        run_init = FminRun.__init__

        def init(run: FminRun, *args: Any, **kwargs: Any) -> None:
            run_init(run, *args, **kwargs)
            self.trials.append(kwargs["log"].trials)

        FminRun.__init__ = init  # type: ignore[method-assign]
        tracker_started = None
        tracker: Any = None
        try:
            with contextlib.suppress(ImportError):
                from hyperbridge.tracking.tracker import MlflowTracker as tracker

                tracker_started = tracker.run_started

                def started(self_: Any, info: Any) -> None:
                    import mlflow

                    uri = _absolute(mlflow.get_tracking_uri())
                    try:
                        tracker_started(self_, info)
                    finally:
                        self.tracked.append((uri, self_._fmin_uuid))

                tracker.run_started = started
            yield
        finally:
            FminRun.__init__ = run_init  # type: ignore[method-assign]
            if tracker_started is not None:
                tracker.run_started = tracker_started

    def complaints(self) -> list[str]:
        """Return what is wrong, a line each; empty when no call of fmin was seen."""
        if not self.trials:
            return []
        kinds = (
            lambda: [line for trials in self.trials for line in _documents(trials)],
            lambda: [line for uri, name in self.tracked for line in _runs(uri, name)],
            lambda: _after_patience(lambda: self._unexpected(self._threads_left())),
            lambda: _after_patience(lambda: self._unexpected(self._children_left())),
            self._files_left,
        )
        return self._unexpected(line for kind in kinds for line in kind())

    def _unexpected(self, lines: Iterable[str]) -> list[str]:
        return [line for line in lines if self._expected is None or self._expected not in line]

    def _threads_left(self) -> Iterator[str]:
        for thread in threading.enumerate():
            is_others = any(part in _description(thread) for part in THREADS_OF_OTHERS)
            if thread not in self._threads and thread.is_alive() and not is_others:
                yield f"thread {thread.name!r} is left"

    def _children_left(self) -> Iterator[str]:
        for pid in _children():
            command = "" if pid in self._children else _command(pid)
            if command and not any(word in command for word in ENGINES_OWN):
                yield f"child process {pid} is left: {command}"

    def _files_left(self) -> list[str]:
        if self._folder is None:
            return []
        hidden = self._folder.rglob(".*")
        return [f"file {p.name} is left" for p in hidden if HALF_WRITTEN.fullmatch(p.name)]


def _absolute(uri: str) -> str:
    scheme, _, path = uri.partition(":///")
    return f"{scheme}:///{Path(path).absolute()}" if scheme == "sqlite" else uri


def _description(thread: threading.Thread) -> str:
    target = getattr(thread, "_target", None)
    return f"{thread.name} {type(thread).__module__} {getattr(target, '__module__', '')}"


def _after_patience(left: Callable[[], list[str]]) -> list[str]:
    deadline = time.monotonic() + PATIENCE_S
    found = left()
    while found and time.monotonic() < deadline:
        time.sleep(0.02)
        found = left()
    return found


def _documents(trials: Any) -> Iterator[str]:
    documents = trials._dynamic_trials
    for document in documents:
        if document["state"] == JOB_STATE_RUNNING:
            yield f"document {document['tid']} is RUNNING"
    for tid, times in Counter(d["tid"] for d in documents).items():
        if times > 1:
            yield f"id {tid} was given {times} times"


def _runs(uri: str, fmin_uuid: str) -> Iterator[str]:
    """Say what is wrong with the MLflow runs of a call; nothing when the store is away."""
    from mlflow import MlflowClient
    from mlflow.tracking import fluent

    client = MlflowClient(uri)
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    try:
        experiments = [e.experiment_id for e in client.search_experiments()]
        runs = client.search_runs(experiments, f"tags.fmin_uuid = '{fmin_uuid}'", max_results=1000)
    except Exception:
        return
    finally:
        os.environ.pop("MLFLOW_HTTP_REQUEST_MAX_RETRIES", None)
    open_by_user = {run.info.run_id for run in fluent._active_run_stack.get()}
    ids = {run.info.run_id for run in runs}
    of_trials = Counter(run.data.tags.get("hyperbridge.tid") for run in runs)
    for tid, times in of_trials.items():
        if tid is not None and times > 1:
            yield f"trial {tid} has {times} MLflow runs"
    for run in runs:
        parent = run.data.tags.get("mlflow.parentRunId")
        is_child = "hyperbridge.tid" in run.data.tags
        if run.info.status == "RUNNING" and is_child:
            yield f"MLflow run {run.info.run_name} is RUNNING"
        if run.info.status == "RUNNING" and not is_child and run.info.run_id not in open_by_user:
            yield f"MLflow parent run {run.info.run_name} is RUNNING"
        if is_child and parent is None:
            yield f"MLflow run {run.info.run_name} has no parent"
        if is_child and parent is not None and parent not in ids:
            with contextlib.suppress(Exception):
                client.get_run(parent)
                continue
            yield f"the parent of MLflow run {run.info.run_name} is not there"


def _children() -> list[int]:
    if sys.platform != "linux":
        return []
    found = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found += [int(word) for word in (task / "children").read_text().split()]
    return found


def _command(pid: int) -> str:
    try:
        if " Z " in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:4]:
            return ""  # it has ended and waits to be reaped
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return ""
