"""The SparkSession of a run: which one, of which kind, and how many tasks it can run at once."""

from __future__ import annotations

import logging
import os
import re
import socket
from typing import Any
from urllib.parse import urlsplit

from hyperbridge.backends.spark.checks import PYSPARK, find_problem
from hyperbridge.errors import BackendUnavailableError

logger = logging.getLogger(__name__)

_CONNECT_VARIABLES = ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "SPARK_API_MODE")


def active_session() -> Any:
    """Return the active SparkSession, or a new one.

    Raises:
        MissingDependencyError: PySpark is not installed.
        BackendUnavailableError: A new one cannot be started.
    """
    PYSPARK.require("Backend 'spark'")
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    try:
        session = SparkSession.active()
    except PySparkRuntimeError:  # there is none
        builder = SparkSession.builder
        if not any(os.environ.get(name) for name in _CONNECT_VARIABLES):
            # Spark's own bar, one a job, would be drawn over that of the search. A Connect server
            # knows nothing of the console.
            builder = builder.config("spark.ui.showConsoleProgress", "false")
        return _start(builder)
    if is_connect(session):
        return session  # its builder would ask for the address again
    return SparkSession.builder.getOrCreate()


def _start(builder: Any) -> Any:
    """Start a session.

    Raises:
        BackendUnavailableError: It cannot be started.
    """
    _warn_if_nobody_listens(os.environ.get("SPARK_REMOTE", ""))
    try:
        return builder.getOrCreate()
    except Exception as exc:  # PySpark's own errors, py4j's, gRPC's, OSError
        problem = None if os.environ.get("SPARK_REMOTE") else find_problem()
        if problem is not None:
            reason = f"{problem.detail}. What to do: {problem.fix}"
        else:
            reason = (
                f"{describe_start(exc)}. See the output of Spark above, and try "
                "'hyperbridge doctor --backend spark --probe'"
            )
        raise BackendUnavailableError(
            f"Backend 'spark': Spark cannot be started: {reason}."
        ) from exc


def _warn_if_nobody_listens(remote: str) -> None:
    """Say at once what PySpark says after it has tried for ten minutes."""
    if not remote.startswith("sc://"):
        return
    address = urlsplit(remote)  # what follows host and port may hold a token
    host, port = address.hostname or "", address.port or 15002
    try:
        socket.create_connection((host, port), 5).close()
    except ConnectionRefusedError:
        logger.warning(
            "Nothing listens at %s:%d, the address in SPARK_REMOTE. PySpark tries again for some "
            "minutes; if the server is not about to start, start it or correct the address.",
            host,
            port,
        )
    except OSError:  # it may be reached through a proxy
        pass


def describe_start(exc: BaseException) -> str:
    r"""Return what a failed start of Spark says, in a line.

    Examples:
        >>> describe_start(RuntimeError("An error.\n: java.net.BindException: in use\n\tat"))
        'java.net.BindException: in use'
    """
    lines = [line.strip(" \t:") for line in str(exc).splitlines() if line.strip(" \t:")]
    named = [line for line in lines if re.match(r"[\w.$]+(?:Exception|Error)\b", line)]
    return (named or lines or [type(exc).__name__])[0].rstrip(".")[:500]


def is_connect(session: Any) -> bool:
    """Tell whether a session is a Spark Connect session, which has no SparkContext."""
    return ".connect." in f"{type(session).__module__}."


def slots_of(session: Any, resource_profile: Any = None) -> int:
    """Return how many tasks the cluster of a session can ever run at once, at least 1.

    Args:
        session: A SparkSession, classic or Spark Connect.
        resource_profile: A ``pyspark.resource.ResourceProfile`` that the tasks will use.
    """
    if is_connect(session):
        from hyperbridge.backends.spark.connect import connect_slots

        return connect_slots(session)
    from hyperbridge.backends.spark.profiles import java_profile_of
    from hyperbridge.backends.spark.slots import look_at

    context = session.sparkContext
    return look_at(context, java_profile_of(context, resource_profile)).most
