"""The Spark backend as users see it; the engine is imported when a run needs it."""

from __future__ import annotations

from typing import Any, ClassVar

from hyperbridge.backends.base import Backend, Session
from hyperbridge.backends.spark.sessions import active_session, is_connect
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
            from hyperbridge.backends.spark.connect import open_connect as open_session
        else:
            from hyperbridge.backends.spark.classic import open_classic as open_session
        return open_session(
            objective, session=session, resource_profile=profile, parallelism=parallelism
        )
