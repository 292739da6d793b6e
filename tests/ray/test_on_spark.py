"""Ray inside a Spark cluster: the example, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyspark")

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK_ALONE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # Ray's nodes on Spark would not find its head


@pytest.mark.slow
def test_the_example_runs_on_a_ray_cluster_inside_spark(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # Spark starts `ray`
        "HOME": str(tmp_path),
        "HYPERBRIDGE_TRACKING": "0",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", LOOPBACK_ALONE):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "ray_on_spark.py")],
        cwd=tmp_path, env=environment, text=True, timeout=240, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert "8/8" in done.stdout
    assert f"Ray Tune's results: {tmp_path}/ray_results/objective_" in done.stdout
