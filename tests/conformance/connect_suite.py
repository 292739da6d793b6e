"""The contract on a Spark Connect session; `test_spark_connect.py` runs it in its own process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from hyperbridge.backends.spark import Spark
from hyperbridge.testing import BackendContract

os.environ["SPARK_TESTING"] = "1"  # the server takes any free port


@pytest.fixture(scope="session")
def connect() -> Iterator[Any]:
    """A Connect server on a local master, and a client of it."""
    import warm_spark_daemon  # here, for the support table is written without pytest's paths

    settings = warm_spark_daemon.settings()
    builder = (
        SparkSession.builder.config(map=settings)
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.connect.grpc.binding.address", "127.0.0.1")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "OFF")
        .remote("local[3]")
    )
    with pytest.MonkeyPatch.context() as patch:  # while the server starts
        for name, value in warm_spark_daemon.variables(settings).items():
            patch.setenv(name, value)
        session = builder.getOrCreate()
    yield session
    session.stop()


# PySpark's Connect client keeps threads of its own, without a name, for as long as it lives.
@pytest.mark.leaves("ThreadPoolExecutor")
class TestSparkConnect(BackendContract):
    tells_running_trials = False
    parallelism = 3

    @pytest.fixture
    def backend(self, connect: Any) -> Spark:
        return Spark(session=connect)

    def test_ctrl_c_reaches_the_user_at_once_and_leaves_nothing_running(
        self, tmp_path: Path
    ) -> None:
        pytest.skip("a Connect worker has a directory of its own: see tests/spark/test_stops.py")
