"""What a trial's task needs of its executor: a ``pyspark.resource.ResourceProfile``.

Source: PySpark's stage-level scheduling. Which masters support it depends on the version of
Spark and on its settings, so Spark itself is asked, before the first trial.
"""

from __future__ import annotations

from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.resource import ResourceProfile

from hyperbridge.errors import InvalidArgumentError, UnsupportedArgumentError

_ADVICE = (
    "Leave resource_profile out here, or run on a cluster with stage-level scheduling "
    "(standalone, YARN or Kubernetes)."
)


def apply_profile(rdd: Any, profile: ResourceProfile) -> Any:
    """Let the tasks of an RDD have the profile; return the JVM's profile.

    Args:
        rdd: A ``pyspark.RDD`` of a classic session.
        profile: What its tasks need.

    Raises:
        InvalidArgumentError: It is something else, such as a builder.
        UnsupportedArgumentError: The cluster has no such thing.
    """
    _check(profile)
    try:
        rdd.withResources(profile)
        return rdd._jrdd.getResourceProfile()
    except Py4JJavaError as exc:
        reason = exc.java_exception.getMessage()
        raise _refused(rdd.ctx.master, reason) from exc
    except PySparkException as exc:
        raise _refused(rdd.ctx.master, exc) from exc


def java_profile_of(context: Any, profile: ResourceProfile | None) -> Any:
    """Return the JVM's profile of tasks that have this one; None for None.

    Args:
        context: A ``pyspark.SparkContext``.
        profile: What the tasks need.

    Raises:
        InvalidArgumentError: See `apply_profile`.
        UnsupportedArgumentError: See `apply_profile`.
    """
    return None if profile is None else apply_profile(context.parallelize([0], 1), profile)


def register_profile(session: Any, profile: ResourceProfile) -> None:
    """Create the profile on the server of a Spark Connect session.

    Args:
        session: A ``pyspark.sql.connect.session.SparkSession``.
        profile: What the tasks need.

    Raises:
        InvalidArgumentError: It is something else, such as a builder.
        UnsupportedArgumentError: The server has no such thing.
    """
    _check(profile)
    # PySpark creates it on the server of the thread's active session, which a thread of the
    # user's may not have, or which may be another one.
    active = type(session)._active_session
    before = getattr(active, "session", None)
    active.session = session
    try:
        profile.id  # noqa: B018 - looking it up is what creates it
    except PySparkException as exc:
        raise _refused("the Spark Connect server", exc) from exc
    finally:
        active.session = before


def _check(profile: Any) -> None:
    if not isinstance(profile, ResourceProfile):
        raise InvalidArgumentError(
            "resource_profile must be a pyspark.resource.ResourceProfile, "
            f"got {profile!r}; a ResourceProfileBuilder gives one by its property 'build'"
        )


def _refused(where: str, reason: object) -> UnsupportedArgumentError:
    first_line = str(reason).strip().splitlines()[0]
    return UnsupportedArgumentError(
        f"Backend 'spark': {where} refuses the resource_profile ({first_line}). {_ADVICE}"
    )
