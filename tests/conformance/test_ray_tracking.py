"""What the Ray backend leaves in MLflow."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

pytest.importorskip("mlflow")
pytest.importorskip("ray")

import test_ray
from tracking_contract import TrackingContract

from hyperbridge.backends.ray import Ray


@pytest.mark.slow
class TestRayTracking(TrackingContract):
    of = test_ray.TestRay
    backend_label: ClassVar[str] = "ray"

    @pytest.fixture
    def backend(self, ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Any:
        from ray.tune import RunConfig

        return Ray(run_config=RunConfig(storage_path=str(tmp_path_factory.mktemp("results"))))
