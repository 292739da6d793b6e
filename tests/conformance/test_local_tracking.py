"""What the local backend leaves in MLflow: one trial at a time, in threads, in processes."""

from __future__ import annotations

from typing import ClassVar

import pytest
import test_local
import test_local_processes
import test_local_threads

pytest.importorskip("mlflow")

from tracking_contract import TrackingContract

from hyperbridge import Local


class TestLocalTracking(TrackingContract):
    of = test_local.TestLocal
    backend_label: ClassVar[str] = "local"

    @pytest.fixture
    def backend(self) -> str:
        return "local"


class TestLocalThreadsTracking(TestLocalTracking):
    of = test_local_threads.TestLocalThreads


@pytest.mark.slow
class TestLocalProcessesTracking(TrackingContract):
    of = test_local_processes.TestLocalProcesses
    backend_label: ClassVar[str] = "local"

    @pytest.fixture
    def backend(self) -> Local:
        return Local(workers="processes")
