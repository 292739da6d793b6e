"""What several folders of tests share: a Spark session, a Ray cluster, a switch for tracking.

Tests run in two processes (see pyproject.toml), each with its own session and cluster.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from left_behind import Watch

SUPPORT = Path(__file__).parent / "support"

os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
os.environ.setdefault("SPARK_CONF_DIR", str(SUPPORT / "spark_conf"))
# Ray rewrites a loopback address to the network card's, but on systems where it has no clusters.
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")

# A run in the background starts with SIGINT ignored, and so would the children that tests
# interrupt with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# These start JVMs, clusters and servers, kill them, and watch the clock; on a machine that is busy
# with something else one of them may come too late. A real fault fails three times.
KILLING_TESTS = (
    "backends", "conformance", "optuna_studies", "ray_tune", "spark",
    "test_examples.py", "test_store_trouble.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests that kill processes two more tries; begin with the files that take long.

    pytest-xdist hands out files in this order, so that both processes end at about the same time.
    """
    here = Path(__file__).parent
    for item in items:
        parts = item.path.relative_to(here).parts
        if set(KILLING_TESTS) & set(parts):
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=1))
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test that calls fmin: nothing runs on, no id is given twice, no file is left."""
    marker = request.node.get_closest_marker("leaves")
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    watch = Watch(folder)
    with watch.watching():
        yield
    complaints = watch.complaints()
    if marker is not None:
        what = marker.args[0]
        complaints = [line for line in complaints if what not in line]
    assert not complaints, "fmin left behind: " + "; ".join(complaints)


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """One local session with four task slots for the whole test run: starting one takes seconds."""
    pytest.importorskip("pyspark")
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[4]")
        .appName("hyperbridge tests")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """One local Ray cluster with four CPUs for the whole test run: starting one takes seconds."""
    ray = pytest.importorskip("ray")
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # its sockets need a short path
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _node_ip_address="127.0.0.1",
        _temp_dir=folder,
    )
    yield
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def reset_mlflow() -> Callable[[], None]:
    """Brings MLflow's process-wide state to what it is right after the import."""
    mlflow = pytest.importorskip("mlflow")
    from mlflow.tracking import fluent

    def reset() -> None:
        while mlflow.active_run() is not None:
            with contextlib.suppress(Exception):
                mlflow.end_run()
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)
        fluent._active_experiment_id = None
        for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
            del os.environ[name]

    return reset


@pytest.fixture
def mlflow_left_as_found(reset_mlflow: Callable[[], None]) -> Iterator[None]:
    """Bring MLflow's process-wide state and its environment back to what they were."""
    before = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
    yield
    reset_mlflow()
    os.environ.update(before)


@pytest.fixture
def tracking_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep MLflow out of tests that are about something else."""
    monkeypatch.setenv("HYPERBRIDGE_TRACKING", "0")
