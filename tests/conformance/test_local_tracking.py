"""What the local backend leaves in MLflow, one trial at a time and several in threads."""

from __future__ import annotations

from typing import ClassVar

import pytest
import test_local
import test_local_threads

pytest.importorskip("mlflow")

from tracking_contract import TrackingContract


class TestLocalTracking(TrackingContract):
    of = test_local.TestLocal
    backend_label: ClassVar[str] = "local"

    @pytest.fixture
    def backend(self) -> str:
        return "local"


class TestLocalThreadsTracking(TestLocalTracking):
    of = test_local_threads.TestLocalThreads
