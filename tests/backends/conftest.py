"""A search on the session of the test run. Tracking has tests of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hyperopt import rand
from spark_space import SPACE

from hyperbridge.backends.spark import Spark
from hyperbridge.surface.fmin import fmin


@pytest.fixture(autouse=True)
def _no_tracking(tracking_off: None) -> None:
    """Keep MLflow out."""


@pytest.fixture
def search(spark: Any) -> Any:
    def call(fn: Any, space: Any = SPACE, **kwargs: Any) -> Any:
        defaults = {
            "algo": rand.suggest, "backend": Spark(session=spark), "parallelism": 2,
            "rstate": np.random.default_rng(0), "show_progressbar": False, "max_evals": 4,
        }  # fmt: skip
        return fmin(fn, space, **{**defaults, **kwargs})

    return call
