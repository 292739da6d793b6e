"""What the Ray backend leaves in MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

pytest.importorskip("mlflow")
pytest.importorskip("ray")

import test_ray
from mlflow.tracking import MlflowClient
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

    def test_an_experiment_that_goes_on_beside_a_file_is_one_family_of_runs(
        self, minimise: Any, client: MlflowClient, tmp_path: Path
    ) -> None:
        from ray.tune import RunConfig

        config = RunConfig(storage_path=str(tmp_path / "results"), name="n")
        for max_evals in (2, 3):
            file = str(tmp_path / "trials.pkl")
            minimise(
                lambda p: p["x"], backend=Ray(run_config=config), max_evals=max_evals,
                trials_save_file=file,
            )  # fmt: skip
        parent, children = self.family(client)
        assert [child.info.status for child in children] == ["FINISHED"] * 3
        assert parent.data.metrics["total_trials_count"] == 3

    def test_a_trial_stopped_early_is_a_success_with_its_last_loss(
        self, minimise: Any, client: MlflowClient, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        from ray.tune import RunConfig

        def fn(p: Any) -> float:
            from ray import tune

            for step in range(50):
                tune.report({"loss": 10.0 - step})
            return 0.0

        storage = str(tmp_path_factory.mktemp("results"))
        stopping = Ray(run_config=RunConfig(storage_path=storage, stop={"training_iteration": 3}))
        minimise(fn, max_evals=2, backend=stopping)
        _, children = self.family(client)
        assert [child.info.status for child in children] == ["FINISHED"] * 2
        for child in children:
            assert child.data.tags["trial_status"] == "success"
            assert child.data.metrics["loss"] == 8.0
            assert child.data.metrics["stopped_early"] == 1.0
