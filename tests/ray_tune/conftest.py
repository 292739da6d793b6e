"""Ray tests: a cluster for all, a storage path for each, no tracking unless asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hyperopt import rand

pytest.importorskip("ray")

from hyperbridge import Ray, fmin


@pytest.fixture
def storage(tmp_path: Path) -> str:
    return str(tmp_path / "results")


@pytest.fixture
def minimise(ray_cluster: None, tracking_off: None, storage: str) -> Any:
    """fmin on Ray, quiet; ``name`` and other fields of RunConfig by keyword, and Ray's own."""
    from ray.tune import RunConfig

    def call(fn: Any, space: Any, ray: Any = None, run: Any = None, **kwargs: Any) -> Any:
        config = RunConfig(**{"storage_path": storage, **(run or {})})
        defaults: dict[str, Any] = {
            "algo": rand.suggest,
            "backend": Ray(run_config=config, **(ray or {})),
            "parallelism": 2,
            "show_progressbar": False,
            "rstate": np.random.default_rng(0),
        }
        return fmin(fn, space, **{**defaults, **kwargs})

    return call
