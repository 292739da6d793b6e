"""The Spark backend as users see it; the engine is imported when a run needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from hyperbridge.backends.base import Backend, OpenBackend
from hyperbridge.backends.findings import Finding
from hyperbridge.backends.retries import check_retries
from hyperbridge.backends.spark.checks import PYSPARK, check_spark
from hyperbridge.backends.spark.sessions import active_session, is_connect
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.optional import Package

if TYPE_CHECKING:
    from hyperbridge.run.objective import Objective


class Spark(Backend):
    """Each trial is a Spark job of one task.

    Args:
        session: The SparkSession to use, classic or Spark Connect; by default the active one,
            else a new one.
        resource_profile: A ``pyspark.resource.ResourceProfile`` for the trials' tasks, on
            clusters with stage-level scheduling.
        elastic: Whether executors may come and go during a search. None, the default, means yes
            on clusters that say so: with dynamic allocation, and on Databricks clusters with
            autoscaling. True is for those that grow or shrink by other means.
        retries: How often a trial is tried again that was lost with its Python worker or its
            executor; 0 fails it at once. An exception of the objective's is never tried again.
            Spark's own repeats of a lost task (spark.task.maxFailures) run no objective, unless
            spark.speculation and its task.duration.threshold let Spark start copies of tasks.

    On an elastic cluster the number of trials follows the task slots of the executors that are
    there, up to ``parallelism`` and 128, looked at once a second. Half as many trials as there are
    slots wait in line, within the same limit, so that an autoscaler sees work for more; their child
    runs begin in line. When executors leave, no further trials are started until those that are
    there fit. A parallelism above what the cluster can ever have, as far as its settings say it, is
    reduced. With ``elastic=False`` that number of trials is submitted from the start. With
    parallelism 1 the search is hyperopt's serial loop, whatever the cluster does.

    A Spark Connect client sees no executors: the parallelism asked for is not reduced, all of it is
    submitted from the start, and what has no slot waits in line on the server, where it is the load
    that makes the cluster grow. ``elastic=True`` needs a parallelism there.

    Raises:
        InvalidArgumentError: ``elastic`` is something else than True, False and None, or
            ``retries`` no whole number.

    Examples:
        >>> Spark().name
        'spark'
    """

    name: ClassVar[str] = "spark"
    help: ClassVar[str] = "on a Spark cluster, each trial as a job of one task"
    package: ClassVar[Package | None] = PYSPARK

    def __init__(
        self,
        *,
        session: Any = None,
        resource_profile: Any = None,
        elastic: bool | None = None,
        retries: int = 1,
    ) -> None:
        if not isinstance(elastic, bool | None):
            raise InvalidArgumentError(f"elastic must be True, False or None, got {elastic!r}")
        self.retries = check_retries(retries)
        self.session = session
        self.resource_profile = resource_profile
        self.elastic = elastic

    @classmethod
    def findings(cls) -> list[Finding]:
        """Look at PySpark, Java and the workers' Python. See `Backend.findings`."""
        return check_spark()

    @classmethod
    def shut_down(cls) -> None:
        """Stop the active session. See `Backend.shut_down`."""
        session = PYSPARK.require("Backend 'spark'", "sql").SparkSession.getActiveSession()
        if session is not None:
            session.stop()

    def open(self, objective: Objective, *, trials: Any, parallelism: int | None) -> OpenBackend:
        """Find or start the session, and pickle the objective. See `Backend.open`."""
        PYSPARK.require("Backend 'spark'")
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
            objective,
            session=session,
            resource_profile=profile,
            parallelism=parallelism,
            elastic=self.elastic,
            retries=self.retries,
        )
