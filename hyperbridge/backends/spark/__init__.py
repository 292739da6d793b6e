"""Trials as Spark jobs, classic or on Spark Connect. Importing this package imports no Spark."""

from hyperbridge.backends.spark.backend import Spark
from hyperbridge.backends.spark.sessions import active_session, is_connect, slots_of

__all__ = ["Spark", "active_session", "is_connect", "slots_of"]
