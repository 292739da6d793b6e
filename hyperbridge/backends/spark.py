"""The Spark backend's public face; the engine is imported when a run needs it."""

from __future__ import annotations

from typing import Any, ClassVar

from hyperbridge.backends.base import Backend, Session
from hyperbridge.optional import require
from hyperbridge.run.objective import Objective


class Spark(Backend):
    """Each trial is a Spark job of one task.

    Args:
        session: The SparkSession to use, classic or Spark Connect; by default the active one,
            else a new one.
        resource_profile: A ``pyspark.resource.ResourceProfile`` for the trials' tasks, on
            clusters with stage-level scheduling.

    Examples:
        >>> Spark().name
        'spark'
    """

    name: ClassVar[str] = "spark"
    tracked: ClassVar[bool] = True
    package: ClassVar[str | None] = "pyspark"

    def __init__(self, *, session: Any = None, resource_profile: Any = None) -> None:
        self.session = session
        self.resource_profile = resource_profile

    def prepare(self, objective: Objective, *, parallelism: int | None, trials: Any) -> Session:
        """Find or start the session, and pickle the objective. See `Backend.prepare`."""
        require("pyspark", needed_by="Backend 'spark'")
        session = self.session
        if session is None:
            session = getattr(trials, "spark_session", None)
        if session is None:
            session = vars(trials).get("_spark")  # hyperopt's own SparkTrials
        if session is None:
            session = active_session()
        profile = self.resource_profile
        if profile is None:
            profile = getattr(trials, "resource_profile", None)
        if profile is None:
            profile = vars(trials).get("_resource_profile")
        if is_connect(session):
            from hyperbridge.backends.spark_connect import open_connect as open_session
        else:
            from hyperbridge.backends.spark_classic import open_classic as open_session
        return open_session(
            objective, session=session, resource_profile=profile, parallelism=parallelism
        )


def active_session() -> Any:
    """Return the active SparkSession, or a new one.

    Raises:
        MissingDependencyError: PySpark is not installed.
    """
    require("pyspark", needed_by="Backend 'spark'")
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    try:
        session = SparkSession.active()
    except PySparkRuntimeError:  # there is none
        session = None
    if session is not None and is_connect(session):
        return session  # its builder would ask for the address again
    return SparkSession.builder.getOrCreate()


def is_connect(session: Any) -> bool:
    """Tell whether a session is a Spark Connect session, which has no SparkContext."""
    return ".connect." in f"{type(session).__module__}."


def slots_of(session: Any, resource_profile: Any = None) -> int:
    """Return how many tasks the cluster of a session can run at once, at least 1.

    Args:
        session: A SparkSession, classic or Spark Connect.
        resource_profile: A ``pyspark.resource.ResourceProfile`` that the tasks will use.
    """
    if is_connect(session):
        from hyperbridge.backends.spark_connect import connect_slots

        return connect_slots(session)
    from hyperbridge.backends.spark_slots import task_slots

    return task_slots(session.sparkContext, resource_profile)
