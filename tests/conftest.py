"""What several folders of tests share: a Spark session, a Ray cluster, an MLflow server.

Tests run in two processes (see pyproject.toml): one has the Spark session, one the Ray cluster.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import spark_jvms
import warm_spark_daemon
from chromium import WHY_NOT, Chromium, find_chromium
from costs import recorded
from left_behind import Watch
from mlflow_server import MlflowServer
from postgres_server import DRIVER, PostgresServer, programs
from warm_ray_worker import in_clusters_of_this_process

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
for _name, _text in spark_jvms.variables().items():
    os.environ.setdefault(_name, _text)
# Ray rewrites a loopback address to the network card's, but on systems where it has no clusters.
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")

# Files in memory, where there is room: a database waits for the disk after each change.
MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 << 30
if sys.platform == "linux" and MEMORY.is_dir():
    _shape = os.statvfs(MEMORY)
    if _shape.f_bavail * _shape.f_frsize > ROOM_BYTES and not _shape.f_flag & os.ST_NOEXEC:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

# A run in the background starts with SIGINT ignored, and so would the children that tests
# interrupt with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


STARTS_PROCESSES = (
    "backends", "cli", "durability", "ray_tune", "spark", "tracking", "verify",
    "test_clean_child.py", "test_compare_verb.py", "test_equivalence.py", "test_examples.py",
    "test_exported_names.py",
    "test_golden.py", "test_guides.py", "test_journal_processes.py", "test_live.py",
    "test_local_processes.py",
    "test_local_tracking.py", "test_optuna.py", "test_optuna_locks.py", "test_optuna_names.py",
    "test_optuna_output.py", "test_optuna_together.py", "test_optuna_tracking.py", "test_ray.py",
    "test_ray_tracking.py", "test_reach.py", "test_saving.py", "test_spark.py",
    "test_spark_connect.py", "test_spark_tracking.py", "test_spark_trials.py",
    "test_support_table.py", "test_tracked_runs.py", "test_worker_processes.py",
)  # fmt: skip
"""Folders and files whose tests start processes, an engine or a server: not in ``-m quick``."""

KILLS = frozenset({
    "test_a_cluster_without_hyperopt_and_hyperbridge_runs_trials_and_stays",
    "test_a_killed_driver_loses_the_running_trial_alone_and_leaves_no_running_one",
    "test_a_killed_process_costs_no_result",
    "test_a_killed_search_goes_on_and_ends_with_all_trials",
    "test_a_lost_attempt_leaves_nothing_behind_and_the_last_one_is_counted",
    "test_a_lost_process_is_retried_when_tune_is_told_to",
    "test_a_node_that_goes_away_costs_no_trial_and_one_that_comes_gets_some",
    "test_a_process_that_dies_loses_its_own_trial_alone",
    "test_a_restart_of_the_server_in_the_middle_loses_no_run",
    "test_a_search_that_another_living_process_keeps_there_is_left_alone",
    "test_a_second_ctrl_c_on_a_slow_store_leaves_no_run_open",
    "test_a_server_that_was_killed_and_came_back_holds_everything",
    "test_a_timeout_cancels_the_last_trials_too",
    "test_a_timeout_cancels_what_runs_and_keeps_what_finished",
    "test_a_trial_is_stopped_at_its_limit_or_the_limit_is_refused",
    "test_a_trial_lost_with_its_process_is_tried_again_once_and_fails_alone",
    "test_a_worker_ends_when_its_driver_is_killed",
    "test_after_a_kill_a_child_run_holds_the_last_attempt_alone",
    "test_after_sigterm_a_program_has_the_time_it_needs",
    "test_ctrl_c_reaches_the_user_at_once_and_leaves_nothing_running",
    "test_fmin_is_back_within_seconds_and_nothing_goes_on",
    "test_kill_minus_9_at_any_instant_loses_at_most_the_running_trial",
    "test_nothing_is_left_running_after_ctrl_c",
    "test_runs_that_died_with_their_worker_are_ended",
    "test_sigterm_ends_the_runs_of_a_search_as_ctrl_c_does",
    "test_the_call_that_goes_on_ends_what_a_killed_process_left",
    "test_the_call_that_goes_on_logs_to_the_run_of_a_killed_process",
    "test_the_trial_of_a_killed_process_is_failed_once_no_older_process_is_left",
    "test_the_trial_of_a_killed_process_is_failed_while_a_younger_one_works",
    "test_tuner_restore_finishes_a_killed_search_and_fmin_then_has_all_trials",
})  # fmt: skip
"""The tests that kill or interrupt a process on purpose. On a busy machine a signal may come too
early or too late for what they ask, so they have two more tries; a real fault fails three times."""

ENGINE_FIXTURES = {
    "spark", "connect", "ray_cluster", "mlflow_server", "own_server", "postgres", "shell",
    "browser",
}  # fmt: skip

FEW = 3
"""So many files of tests on Spark start fewer JVMs than an archive of its classes pays for."""

SHARING = {
    "ray_cluster": ("conformance/test_ray", "durability/test_kills_on_ray.py", "ray_tune/"),
    "spark": (
        "backends/test_spark_inside_objectives.py", "backends/test_spark_jobs_of_trials.py",
        "cli/test_doctor.py", "conformance/test_spark.py", "conformance/test_spark_tracking.py",
        "optuna_studies/test_optuna_search.py", "surface/test_spark_trials.py",
    ),
}  # fmt: skip
"""The files whose tests share what a fixture starts: one process runs them all."""

MOST_RERUNS = 5
"""So many tests may need a second try; more are a fault."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is quick; give the tests that kill more tries; group them, and begin with the long.

    pytest-xdist hands out groups in this order, so that both processes end at about the same time.
    """
    here = Path(__file__).parent
    for item in items:
        parts = set(item.path.relative_to(here).parts)
        fixtures = set(getattr(item, "fixturenames", ()))
        is_slow = item.get_closest_marker("slow") or item.get_closest_marker("long")
        if not (is_slow or parts & set(STARTS_PROCESSES) or fixtures & ENGINE_FIXTURES):
            item.add_marker(pytest.mark.quick)
        if getattr(item, "originalname", item.name) in KILLS:
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=1))
        for engine in SHARING.keys() & fixtures:
            if _group(item.nodeid) != engine:
                raise pytest.UsageError(f"{item.path} is missing in SHARING[{engine!r}]")
    costs: Counter[str] = Counter()
    for path, cost in recorded().items():
        costs[_group(f"tests/{path}")] += cost
    items.sort(key=lambda item: (-costs[_group(item.nodeid)], _group(item.nodeid)))


def _group(nodeid: str) -> str:
    """Return what one process runs from begin to end: a file, or all files that share an engine."""
    path = nodeid.partition("::")[0]
    for engine, places in SHARING.items():
        if path.removeprefix("tests/").startswith(places):
            return engine
    return path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Have pytest-xdist hand out groups instead of files."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByGroup(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return ByGroup(config, log)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have the archive of Spark's classes made when many JVMs will start."""
    paths = {item.path for item in session.items if not item.get_closest_marker("quick")}
    if len([path for path in paths if "spark" in str(path.relative_to(session.path))]) > FEW:
        spark_jvms.make()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail when more than a few tests needed a second try."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and len(reporter.stats.get("rerun", ())) > MOST_RERUNS:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests needed a second try."""
    n = len(terminalreporter.stats.get("rerun", ()))
    terminalreporter.write_line(f"second tries: {n} (at most {MOST_RERUNS})")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Return a headless Chromium; a test opens a `chromium.Tab` in it."""
    program = find_chromium()
    if program is None:
        pytest.skip(WHY_NOT)
    started = Chromium(program, tmp_path_factory.mktemp("chromium"))
    yield started
    started.close()


closers: dict[str, Callable[[], None]] = {}
"""How to end the engines that run all the same when nothing asks them to."""


def _close(group: str) -> None:
    if group in closers:
        closers.pop(group)()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End an engine with the last test of its group: even an idle Ray cluster takes CPU time."""
    group = _group(item.nodeid)
    if nextitem is None or _group(nextitem.nodeid) != group:
        _close(group)


@pytest.fixture(autouse=True)
def _pythons_own_handlers() -> None:
    """Handle signals as Python does: a Spark session, and Ray, leave handlers of their own."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test that calls fmin: nothing runs on, no id is given twice, no file is left."""
    marker = request.node.get_closest_marker("leaves")
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    watch = Watch(folder, None if marker is None else marker.args[0])
    with watch.watching():
        yield
    complaints = watch.complaints()
    assert not complaints, "fmin left behind: " + "; ".join(complaints)


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """One local session with four task slots for the whole test run: starting one takes seconds."""
    pytest.importorskip("pyspark")
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.config(map=warm_spark_daemon.settings())
        .master("local[4]")
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
    with in_clusters_of_this_process():
        ray.init(
            num_cpus=4,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
        )

    def end() -> None:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)

    closers["ray_cluster"] = end
    yield
    _close("ray_cluster")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated MLflow database to copy: making one takes seconds, so one is made for all."""
    mlflow = pytest.importorskip("mlflow")
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    path = folder / "mlflow_template.db"
    with (folder / "mlflow_template.lock").open("w") as lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            draft = path.with_suffix(".draft")
            mlflow.MlflowClient(f"sqlite:///{draft}").search_experiments()
            draft.replace(path)
    return path


@pytest.fixture(scope="session")
def store_in(empty_database: Path) -> Callable[[Path], str]:
    """Puts an MLflow store ``mlflow.db`` into a folder, as a program there would make it."""

    def put(folder: Path) -> str:
        path = folder / "mlflow.db"
        shutil.copy(empty_database, path)
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE experiments SET artifact_location = ?", [f"{folder}/mlruns/0"])
        return f"sqlite:///{path}"

    return put


@pytest.fixture(scope="session")
def mlflow_server(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> Iterator[MlflowServer]:
    """One MLflow server for the whole test run, which nobody stops: starting one takes seconds."""
    server = MlflowServer(tmp_path_factory.mktemp("server"), empty_database)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL for the whole test run; each test makes a database of its own there."""
    pytest.importorskip(DRIVER)
    if programs() is None:
        pytest.skip("PostgreSQL is not installed here: there is no postgres program")
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.stop()


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
