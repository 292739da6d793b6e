"""Spark jobs on a Spark Connect session: serverless and standard clusters, no SparkContext.

Source: PySpark's DataFrame API on Connect. A job is ``mapInArrow`` over one row; the runtime
travels as a session artifact, once, and jobs are cancelled by their operation tag.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyspark
from pyspark.errors import PySparkException
from pyspark.sql.connect.functions import spark_partition_id
from pyspark.sql.types import BinaryType, StructField, StructType

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
from hyperbridge.backends.spark.profiles import register_profile
from hyperbridge.backends.spark.slots import decide_parallelism
from hyperbridge.backends.spark.worker_python import is_local_master
from hyperbridge.errors import BackendUnavailableError, UnsupportedArgumentError
from hyperbridge.run.capacity import MAX_PARALLELISM
from hyperbridge.run.objective import Objective
from hyperbridge.run.observer import TrialAttachment
from hyperbridge.run.shipping import dumps_by_value, pack_objective, pack_runtime
from hyperbridge.worker.runtime import Message, run_shipped

logger = logging.getLogger(__name__)

_REPORT = StructType([StructField("report", BinaryType())])


def open_connect(
    objective: Objective,
    *,
    session: Any,
    resource_profile: Any,
    parallelism: int | None,
    elastic: bool | None,
    retries: int,
) -> OpenSpark:
    """Make a Connect session ready for one call of fmin.

    Args:
        objective: What the trials evaluate.
        session: A ``pyspark.sql.connect.session.SparkSession``.
        resource_profile: For the tasks, or None.
        parallelism: Trials at once that the user asked for; None asks the server.
        elastic: Whether executors may come and go. The client sees none of them, so all trials
            that the user asked for at once are jobs of the server from the start.
        retries: How often a lost trial is tried again.

    Raises:
        BackendUnavailableError: The session is stopped.
        InvalidArgumentError: The resource_profile is something else.
        UnsupportedArgumentError: A resource_profile with PySpark 3, or one that the server
            refuses; an elastic cluster without a parallelism.
        ObjectiveNotPicklableError: The objective cannot be sent to workers.
    """
    if session.is_stopped:
        raise BackendUnavailableError(
            "Backend 'spark': the SparkSession is stopped. Create a new one before calling fmin."
        )
    if resource_profile is not None:
        if pyspark.__version__.startswith("3."):
            raise UnsupportedArgumentError(
                "Backend 'spark': a resource_profile on Spark Connect needs PySpark 4 or later, "
                f"and this is {pyspark.__version__}. Leave it out, or use a classic session."
            )
        register_profile(session, resource_profile)
    # What the user asks for is not reduced: a client cannot know that a cluster will not grow.
    is_asked = parallelism is not None and parallelism > 0
    if elastic and not is_asked:
        raise UnsupportedArgumentError(
            "Backend 'spark': elastic=True on Spark Connect needs a parallelism, because a client "
            "does not see executors come and go. Set parallelism to the number of trials at once "
            "for which the cluster may grow: what has no slot yet waits in line on the server."
        )
    runner = _ConnectRunner(objective, session, resource_profile)
    slots = MAX_PARALLELISM if is_asked else connect_slots(session)
    return OpenSpark(runner, decide_parallelism(parallelism, slots), retries=retries)


def connect_slots(session: Any) -> int:
    """Return the number of task slots as well as a client can know it, at least 1.

    A client sees no executors. The server splits a range into as many partitions as its
    default parallelism says, which is the number of cores of a cluster of fixed size.

    Args:
        session: A ``pyspark.sql.connect.session.SparkSession``.
    """
    partitions = session.range(0, 4 * MAX_PARALLELISM).select(spark_partition_id())
    return max(1, min(int(partitions.distinct().count()), MAX_PARALLELISM))


def _serves_itself() -> bool:
    """Tell whether the session's server is this process's own, on a local master."""
    context = getattr(getattr(pyspark, "SparkContext", None), "_active_spark_context", None)
    return context is not None and is_local_master(context.master)


class _ConnectRunner(JobRunner):
    """Jobs through ``mapInArrow``; the runtime travels as a session artifact."""

    def __init__(self, objective: Objective, session: Any, resource_profile: Any) -> None:
        super().__init__(new_key())
        self._session = session
        self._options = {} if resource_profile is None else {"profile": resource_profile}
        self._objective = pack_objective(
            objective,
            PICKLER,
            where="Spark",
            advise=advise,
            has=None if _serves_itself() else self._have_workers,
        )
        self._entry = dumps_by_value(run_shipped, PICKLER)
        self._name = f"{self.key}.bin"
        self._repeats = repeats_of(session.conf.get)

    def _have_workers(self, module: str) -> bool:
        """Ask a worker whether it can import a module."""
        look = make_look(module)

        def answers(batches: Iterable[Any]) -> Iterator[Any]:
            import pyarrow

            column = pyarrow.array(list(look(batches)))
            yield pyarrow.RecordBatch.from_arrays([column], names=["has"])

        answers.__module__ = "__main__"  # pickled by value: workers do not have this module
        try:
            (row,) = self._session.range(0, 1, 1, 1).mapInArrow(answers, "has boolean").collect()
        except PySparkException:
            return True  # nothing runs there: the first trial will tell why
        return bool(row[0])

    def ship(self, attachments: list[TrialAttachment | None], limit_s: float | None) -> None:
        # A server that lives in this process runs its workers on this machine.
        search_path = [p or os.getcwd() for p in sys.path] if _serves_itself() else None
        runtime = pack_runtime(
            self._objective, attachments, PICKLER, search_path=search_path, limit_s=limit_s
        )
        with tempfile.TemporaryDirectory(prefix="hyperbridge-") as folder:
            path = Path(folder) / self._name
            path.write_bytes(runtime)
            self._session.addArtifacts(str(path), file=True)

    def inherit(self, target: Callable[[], None]) -> Callable[[], None]:
        tags = {*self._session.getTags(), self.key}

        def tagged() -> None:
            for tag in tags:
                self._session.addTag(tag)
            target()

        return tagged

    def run(self, message: Message) -> bytes:
        tag = self.tag_of(message[0])
        task = _make_task(self.key, self._name, message, self._entry, repeats=self._repeats)
        one_row = self._session.range(0, 1, 1, 1)
        self._session.addTag(tag)
        try:
            (row,) = one_row.mapInArrow(task, _REPORT, **self._options).collect()
        except PySparkException as exc:
            text = str(exc)
            raise JobFailedError(text, cancelled="OPERATION_CANCELED" in text) from exc
        finally:
            if not self.is_stopped():
                self._session.removeTag(tag)
        return bytes(row[0])

    def cancel(self) -> None:
        if not self.is_stopped():
            self._session.interruptTag(self.key)

    def is_stopped(self) -> bool:
        return bool(self._session.is_stopped)

    def close(self) -> None:
        """Nothing: an artifact lives as long as its session."""


def _make_task(
    key: str, name: str, message: Message, entry: bytes, *, repeats: bool
) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """Return the function of one Spark task."""
    pickler, not_again = PICKLER.__name__, NOT_AGAIN

    def task(batches: Iterable[Any]) -> Iterator[Any]:
        import pickle

        import pyarrow
        from pyspark import SparkFiles, TaskContext

        for _ in batches:
            pass

        def shipment() -> bytes:
            with open(SparkFiles.get(name), "rb") as file:
                return file.read()

        if TaskContext.get().attemptNumber() > 0 and not repeats:
            report = not_again
        else:
            report = pickle.loads(entry)(key, shipment, message, pickler)
        column = pyarrow.array([report], type=pyarrow.binary())
        yield pyarrow.RecordBatch.from_arrays([column], names=["report"])

    task.__module__ = "__main__"  # pickled by value: workers do not have this module
    return task
