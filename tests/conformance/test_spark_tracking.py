"""What the Spark backend leaves in MLflow."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import test_spark

from hyperbridge.backends.spark import Spark

pytest.importorskip("mlflow")

from tracking_contract import TrackingContract


class TestSparkTracking(TrackingContract):
    of = test_spark.TestSpark
    backend_label: ClassVar[str] = "spark"

    @pytest.fixture
    def backend(self, spark: Any) -> Spark:
        return Spark(session=spark)
