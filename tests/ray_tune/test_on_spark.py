"""Ray inside a Spark cluster: the example, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyspark")

ROOT = Path(__file__).resolve().parents[2]
OTHERS = ("HYPERBRIDGE_", "MLFLOW_", "RAY_", "SPARK_")
"""What the test run has set for its own clusters: with Ray on the loopback address alone its nodes
on Spark would not find its head, for example."""


@pytest.mark.slow
@pytest.mark.long  # the guide about it is part of the default run
def test_the_example_runs_on_a_ray_cluster_inside_spark(tmp_path: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(OTHERS)},
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # Spark starts `ray`
        "HOME": str(tmp_path),
        "HYPERBRIDGE_TRACKING": "0",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "ray_on_spark.py")],
        cwd=tmp_path, env=environment, text=True, timeout=240, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert "8/8" in done.stdout
    assert f"Ray Tune's results: {tmp_path}/ray_results/objective_" in done.stdout
