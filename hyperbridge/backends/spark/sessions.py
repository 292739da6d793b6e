"""The SparkSession of a run: which one, of which kind, and how many tasks it can run at once."""

from __future__ import annotations

import os
from typing import Any

from hyperbridge.optional import Package

PYSPARK = Package("pyspark", "Spark", install="hyperbridge[spark]", oldest="3.5")

_CONNECT_VARIABLES = ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "SPARK_API_MODE")


def active_session() -> Any:
    """Return the active SparkSession, or a new one.

    Raises:
        MissingDependencyError: PySpark is not installed.
    """
    PYSPARK.require("Backend 'spark'")
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    try:
        session = SparkSession.active()
    except PySparkRuntimeError:  # there is none
        if any(os.environ.get(name) for name in _CONNECT_VARIABLES):
            return SparkSession.builder.getOrCreate()  # a server knows nothing of the console
        # Spark's own bar, one a job, would be drawn over that of the search.
        return SparkSession.builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    if is_connect(session):
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
        from hyperbridge.backends.spark.connect import connect_slots

        return connect_slots(session)
    from hyperbridge.backends.spark.profiles import apply_profile
    from hyperbridge.backends.spark.slots import task_slots

    context = session.sparkContext
    if resource_profile is None:
        return task_slots(context)
    return task_slots(context, apply_profile(context.parallelize([0], 1), resource_profile))
