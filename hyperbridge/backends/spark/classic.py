"""Spark jobs on a session that has a SparkContext: local mode, classic clusters.

Source: PySpark's RDD API. Each slot's thread submits its own jobs, so that threads, job tags and
local properties map one to one. A task reads its input to the end, which is what lets PySpark
keep the Python worker for the next trial.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyspark
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.util import inheritable_thread_target

from hyperbridge.backends.spark.advice import advise
from hyperbridge.backends.spark.jobs import (
    NOT_AGAIN,
    JobFailedError,
    JobRunner,
    OpenSpark,
    make_look,
    new_key,
    repeats_of,
)
from hyperbridge.backends.spark.pickler import PICKLER
from hyperbridge.backends.spark.profiles import apply_profile, java_profile_of
from hyperbridge.backends.spark.slots import count_slots, decide_parallelism, look_at
from hyperbridge.backends.spark.worker_python import DriverPython, is_local_master
from hyperbridge.errors import BackendUnavailableError
from hyperbridge.run.objective import Objective
from hyperbridge.run.observer import TrialAttachment
from hyperbridge.run.shipping import dumps_by_value, pack_objective, pack_runtime
from hyperbridge.worker.runtime import Message, run_shipped

_TAGS_ARE_PROPERTIES = pyspark.__version__.startswith("3.")  # else they belong to the session


def check_session(session: Any) -> None:
    """Refuse a session that cannot run trials.

    Raises:
        BackendUnavailableError: It is stopped, or its threads share their local properties.
    """
    if _is_stopped(session.sparkContext):
        raise BackendUnavailableError(
            "Backend 'spark': the SparkSession is stopped. Create a new one before calling fmin."
        )
    if os.environ.get("PYSPARK_PIN_THREAD", "true").lower() == "false":
        raise BackendUnavailableError(
            "Backend 'spark' needs PySpark's pinned thread mode to tell its jobs apart; "
            "remove PYSPARK_PIN_THREAD=false from the environment."
        )


def _is_stopped(context: Any) -> bool:
    scala = context._jsc
    return scala is None or bool(scala.sc().isStopped())


def open_classic(
    objective: Objective,
    *,
    session: Any,
    resource_profile: Any,
    parallelism: int | None,
    elastic: bool | None,
    retries: int,
) -> OpenSpark:
    """Make a classic session ready for one call of fmin.

    Args:
        objective: What the trials evaluate.
        session: A ``pyspark.sql.SparkSession``.
        resource_profile: For the tasks, or None.
        parallelism: Trials at once that the user asked for; None for all task slots.
        elastic: Whether executors may come and go; None asks the settings of the cluster.
        retries: How often a lost trial is tried again.

    Raises:
        BackendUnavailableError: The session cannot run trials.
        InvalidArgumentError: The resource_profile is something else.
        UnsupportedArgumentError: The cluster has no resource profiles.
        ObjectiveNotPicklableError: The objective cannot be sent to workers.
    """
    check_session(session)
    context = session.sparkContext
    is_local = is_local_master(context.master)
    profile = java_profile_of(context, resource_profile)
    cluster = look_at(context, profile, elastic=elastic)
    now = cluster.slots if cluster.is_elastic else None
    limit = decide_parallelism(parallelism, cluster.most, now=now)
    runner = _ClassicRunner(objective, session, resource_profile, is_local=is_local)
    release = DriverPython(context).release if is_local else None
    opened = OpenSpark(
        runner,
        limit,
        retries=retries,
        release=release,
        slots=cluster.slots if cluster.is_elastic else None,
        count=(lambda: count_slots(context, profile)) if cluster.is_elastic else None,
    )
    opened.stops_trials = not is_local or hasattr(os, "fork")
    return opened


class _ClassicRunner(JobRunner):
    """Jobs through the RDD API; the runtime travels as a broadcast variable."""

    def __init__(
        self, objective: Objective, session: Any, resource_profile: Any, *, is_local: bool
    ) -> None:
        super().__init__(new_key())
        self._session = session
        self._context = session.sparkContext
        self._resource_profile = resource_profile
        # The address by which Spark's own executors reach this process.
        self.report_host = "127.0.0.1" if is_local else _driver_host(self._context)
        # A local worker runs on this machine, so it can import what lies beside the script.
        self._search_path = [p or os.getcwd() for p in sys.path] if is_local else None
        has = None if is_local else self._have_workers
        try:
            self._objective = pack_objective(
                objective, PICKLER, where="Spark", advise=advise, has=has
            )
        finally:
            self._user_broadcasts = self._take_pickled_broadcasts()
        self._entry = dumps_by_value(run_shipped, PICKLER)
        self._repeats = repeats_of(self._context.getConf().get)
        self._shipped: Any = None
        self._input: Any = None

    def _have_workers(self, module: str) -> bool:
        """Ask a worker whether it can import a module."""
        before = self._take_pickled_broadcasts()  # a job of another pickle would take them
        try:
            (answer,) = self._context.parallelize([0], 1).mapPartitions(make_look(module)).collect()
        except (Py4JError, PySparkException, OSError, EOFError):
            answer = True  # nothing runs there: the first trial will tell why
        finally:
            for broadcast in before:
                self._context._pickled_broadcast_vars.add(broadcast)
        return bool(answer)

    def _take_pickled_broadcasts(self) -> list[Any]:
        """Return the broadcast variables that pickling the objective has just met.

        PySpark notes them so that a job can bring them to its workers; our jobs carry the
        objective inside a broadcast of their own, so they have to name them themselves.
        """
        registry = self._context._pickled_broadcast_vars
        found = list(registry)
        registry.clear()
        return found

    def ship(self, attachments: list[TrialAttachment | None], limit_s: float | None) -> None:
        runtime = pack_runtime(
            self._objective, attachments, PICKLER, search_path=self._search_path, limit_s=limit_s
        )
        self._shipped = self._context.broadcast(runtime)
        self._input = self._context.parallelize([0], 1)
        if self._resource_profile is not None:
            apply_profile(self._input, self._resource_profile)

    def inherit(self, target: Callable[[], None]) -> Callable[[], None]:
        def tagged() -> None:
            self._context.addJobTag(self.key)
            target()

        # Called for each thread: the wrapper's copy of the properties must not be shared.
        if _TAGS_ARE_PROPERTIES:
            return inheritable_thread_target(tagged)  # type: ignore[no-any-return]
        return inheritable_thread_target(self._session)(tagged)  # type: ignore[no-any-return]

    def run(self, message: Message) -> bytes:
        tag = self.tag_of(message[0])
        task = _make_task(
            self.key,
            self._shipped,
            self._user_broadcasts,
            message,
            self._entry,
            repeats=self._repeats,
        )
        try:
            self._context.addJobTag(tag)
            self._context.setLocalProperty("spark.job.description", f"trial {message[0]}")
            (report,) = self._input.mapPartitions(task).collect()
        except (Py4JError, PySparkException, OSError, EOFError) as exc:
            text = str(exc)
            by_user = "cancelled" in text and "SparkException" in text
            crashed = "Python worker" in text
            raise JobFailedError(text, cancelled=by_user and not crashed) from exc
        finally:
            if not self.is_stopped():
                self._context.removeJobTag(tag)
        return bytes(report)

    def why_lost(self, tid: int) -> str:
        """Ask Spark's store of tasks, which is not public, what it says of the first start."""
        try:
            spark = self._context._jsc.sc()
            tracker = spark.statusTracker()
            job = max(tracker.getJobIdsForTag(self.tag_of(tid)))  # of the last attempt
            (stage,) = tracker.getJobInfo(job).get().stageIds()
            tasks = spark.statusStore().taskList(stage, 0, 100)
            errors = [tasks.apply(index).errorMessage() for index in range(tasks.size())]
            return next(str(error.get()) for error in errors if error.isDefined())
        except (Py4JError, TypeError, ValueError, StopIteration):
            return super().why_lost(tid)

    def cancel(self) -> None:
        if not self.is_stopped():
            self._context.cancelJobsWithTag(self.key)

    def is_stopped(self) -> bool:
        return _is_stopped(self._context)

    def close(self) -> None:
        self._shipped.destroy()


def _driver_host(context: Any) -> str | None:
    host: str | None = context.getConf().get("spark.driver.host")
    return host


def _make_task(
    key: str,
    shipped: Any,
    user_broadcasts: list[Any],
    message: Message,
    entry: bytes,
    *,
    repeats: bool,
) -> Callable[[Iterable[Any]], Iterator[bytes]]:
    """Return the function of one Spark task."""
    pickler, not_again = PICKLER.__name__, NOT_AGAIN

    def task(iterator: Iterable[Any]) -> Iterator[bytes]:
        import pickle

        from pyspark import TaskContext

        deque(iterator, maxlen=0)  # PySpark reuses only workers that read their input
        assert user_broadcasts is not None  # named, so that the job brings them along
        if TaskContext.get().attemptNumber() > 0 and not repeats:
            yield not_again
            return
        run = pickle.loads(entry)
        yield run(key, lambda: shipped.value, message, pickler)

    task.__module__ = "__main__"  # pickled by value: workers do not have this module
    return task
