"""The contract on Spark Connect, in a process without a SparkContext of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import clean_child
import pytest


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_contract_holds_on_a_connect_session() -> None:
    pyspark = pytest.importorskip("pyspark")
    pytest.importorskip("grpc")
    if pyspark.__version__.startswith("3."):
        pytest.skip("PySpark 3 brings no Spark Connect server")
    here = Path(__file__).parent
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")
    }
    environment |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    result = clean_child.run(
        ["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", here / "connect_suite.py"],
        cwd=here.parents[1],
        env=environment,
        timeout=580,
    )
    assert result.returncode == 0, result.stdout[-8000:]
    assert " passed" in result.stdout
