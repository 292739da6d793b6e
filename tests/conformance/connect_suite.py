"""The contract on a Spark Connect session; `test_spark_connect.py` runs it in its own process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from contract import BackendContract

from hyperbridge.backends import Spark

SETUP = """
import os
for name in ("SPARK_CONNECT_MODE_ENABLED", "SPARK_LOCAL_REMOTE", "SPARK_REMOTE"):
    os.environ.pop(name, None)  # of the parent's own session
os.environ["SPARK_TESTING"] = "1"
from pyspark.sql import SparkSession
spark = (SparkSession.builder.config("spark.ui.enabled", "false")
         .config("spark.driver.host", "127.0.0.1")
         .config("spark.driver.bindAddress", "127.0.0.1")
         .config("spark.connect.grpc.binding.address", "127.0.0.1")
         .config("spark.ui.showConsoleProgress", "false")
         .config("spark.log.level", "OFF")
         .remote("local[3]").getOrCreate())
"""


@pytest.fixture(scope="session")
def connect() -> Iterator[Any]:
    """A Connect server on a local master, and a client of it."""
    names: dict[str, Any] = {}
    exec(SETUP, names)
    yield names["spark"]
    names["spark"].stop()


class TestSparkConnect(BackendContract):
    parallelism = 3
    child_backend: ClassVar[str] = '"spark"'
    child_setup: ClassVar[str] = SETUP

    @pytest.fixture
    def backend(self, connect: Any) -> Spark:
        return Spark(session=connect)
