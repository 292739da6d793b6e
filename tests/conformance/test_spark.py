"""The Spark backend on a local master with four task slots."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from hyperbridge.backends.spark import Spark
from hyperbridge.testing import BackendContract


class TestSpark(BackendContract):
    parallelism = 3
    child_backend: ClassVar[str] = '"spark"'
    child_setup: ClassVar[str] = (
        "from pyspark.sql import SparkSession\n"
        'spark = (SparkSession.builder.master("local[3]").config("spark.ui.enabled", "false")\n'
        '         .config("spark.driver.host", "127.0.0.1").getOrCreate())\n'
        'spark.sparkContext.setLogLevel("OFF")'
    )

    @pytest.fixture
    def backend(self, spark: Any) -> Spark:
        return Spark(session=spark)
