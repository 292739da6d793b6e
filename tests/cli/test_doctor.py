"""``hyperbridge doctor``: what it finds, its fixes, and its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import hyperbridge

pytestmark = pytest.mark.slow


def doctor(shell, *args, **env):
    return shell.start("-m", "hyperbridge", "doctor", *args, **env)


def findings(shell, *args, **env):
    result = doctor(shell, "--json", *args, **env)
    data = json.loads(result.stdout)
    return result.returncode, data, {f["subject"]: f for f in data["findings"]}


def script(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def java(tmp_path: Path, version: str) -> dict[str, str]:
    """A Java of which only the version is real."""
    home = tmp_path / f"java-{version}"
    script(home / "bin", "java", f"echo 'openjdk version \"{version}\" 2020-01-01' >&2")
    return {"JAVA_HOME": str(home)}


@pytest.fixture
def spark(tmp_path) -> dict[str, str]:
    pytest.importorskip("pyspark")
    return java(tmp_path, "17.0.9")


def test_one_screen_says_what_is_there_and_how_to_get_the_rest(shell):
    result = doctor(shell, "--no-tracking")
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) < 40
    for subject in ("python", "hyperopt", "local", "spark", "ray", "optuna"):
        assert f" {subject} " in result.stdout
    assert result.stdout.count("fix: ") >= result.stdout.count("missing ")


def test_every_finding_that_is_not_fine_has_a_fix(shell):
    _, data, _ = findings(shell, "--no-tracking", JAVA_HOME="/no/java", PYSPARK_PYTHON="/no/python")
    assert [
        f for f in data["findings"] if f["status"] in ("missing", "broken") and not f["fix"]
    ] == []


def test_java_that_is_missing_is_broken_but_exits_0_when_nobody_asked_for_spark(shell, spark):
    code, data, found = findings(shell, "--no-tracking", JAVA_HOME="/no/java")
    assert code == 0
    assert data["works"]
    assert found["spark"]["status"] == "broken"
    assert "JAVA_HOME=/no/java" in found["spark"]["detail"]


@pytest.mark.parametrize(
    ("args", "env"), [(["--backend", "spark"], {}), ([], {"HYPERBRIDGE_BACKEND": "spark"})]
)
def test_exit_code_is_1_when_the_backend_asked_for_cannot_work(shell, spark, args, env):
    code, data, _ = findings(shell, "--no-tracking", *args, **env, JAVA_HOME="/no/java")
    assert code == 1
    assert data["failed"] == ["spark"]


def test_a_java_that_is_too_old_is_named(shell, spark, tmp_path):
    pyspark = pytest.importorskip("pyspark")
    if pyspark.__version__.startswith("3."):
        pytest.skip("PySpark 3 runs on Java 8")
    _, _, found = findings(shell, "--no-tracking", **java(tmp_path, "1.8.0_392"))
    assert found["spark"]["status"] == "broken"
    assert "needs Java 17 or later, found 1.8.0_392" in found["spark"]["detail"]


def test_the_workers_python_is_compared_with_the_drivers(shell, spark, tmp_path):
    other = script(tmp_path / "other", "python", "echo 3.1")
    code, data, found = findings(
        shell, "--no-tracking", "--backend", "spark", **spark, PYSPARK_PYTHON=str(other)
    )
    assert code == 1
    assert data["failed"] == ["spark python"]
    assert "is Python 3.1, the driver's is" in found["spark python"]["detail"]
    assert f"PYSPARK_PYTHON={sys.executable}" in found["spark python"]["fix"]
    code, _, found = findings(
        shell, "--no-tracking", "--backend", "spark", **spark, PYSPARK_PYTHON=sys.executable
    )
    assert code == 0
    assert found["spark python"]["status"] == "ok"


def test_a_java_that_is_too_new_is_named(shell, spark, tmp_path):
    pyspark = pytest.importorskip("pyspark")
    if tuple(map(int, pyspark.__version__.split(".")[:2])) >= (4, 1):
        pytest.skip("this PySpark runs on it")
    _, _, found = findings(shell, "--no-tracking", **java(tmp_path, "25.0.1"))
    assert found["spark"]["status"] == "broken"
    assert "does not run on Java 25" in found["spark"]["detail"]


def test_a_spark_home_of_another_version_is_found(shell, spark, tmp_path):
    home = tmp_path / "spark-home"
    script(home / "bin", "spark-submit", "")
    code, data, found = findings(
        shell, "--no-tracking", "--backend", "spark", **spark, SPARK_HOME=str(home)
    )
    assert (code, data["failed"]) == (1, ["spark"])
    assert f"SPARK_HOME={home} has no Spark in it" in found["spark"]["detail"]
    (home / "jars").mkdir()
    (home / "jars" / "spark-core_2.12-3.1.2.jar").touch()
    _, _, found = findings(shell, "--no-tracking", **spark, SPARK_HOME=str(home))
    assert "holds Spark 3.1.2, the driver's pyspark is" in found["spark"]["detail"]
    assert "SPARK_HOME" in found["spark"]["fix"]
    (home / "jars" / "spark-core_2.12-3.1.2.jar").rename(
        home / "jars" / "spark-core_2.12-3.1.2-amzn-0.jar"
    )
    _, _, found = findings(shell, "--no-tracking", **spark, SPARK_HOME=str(home))
    assert "holds Spark 3.1.2, the driver's pyspark is" in found["spark"]["detail"]
    import pyspark as installed

    code, _, found = findings(
        shell,
        *("--no-tracking", "--backend", "spark"),
        **spark,
        SPARK_HOME=str(Path(installed.__file__).parent),
    )
    assert code == 0, found["spark"]


def test_unpinned_threads_are_found(shell, spark):
    _, _, found = findings(shell, "--no-tracking", **spark, PYSPARK_PIN_THREAD="false")
    assert found["spark"]["status"] == "broken"
    assert "PYSPARK_PIN_THREAD" in found["spark"]["fix"]


def test_it_runs_where_nothing_is_installed_and_gives_the_pip_lines(tmp_path):
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    result = subprocess.run(
        [tmp_path / "bare" / "bin" / "python", "-m", "hyperbridge", "doctor"],
        env={"PYTHONPATH": str(Path(hyperbridge.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 1, "nothing works without hyperopt"
    assert "cannot work: hyperopt" in result.stdout
    for extra in ("spark", "ray", "optuna", "mlflow"):
        assert f"pip install 'hyperbridge[{extra}]'" in result.stdout


def test_a_tracking_server_that_does_not_answer_is_found_soon(shell):
    pytest.importorskip("mlflow")
    uri = "http://127.0.0.1:9"
    code, data, found = findings(shell, "--tracking", MLFLOW_TRACKING_URI=uri)
    assert code == 1
    assert data["failed"] == ["tracking"]
    assert f"store {uri} does not answer" in found["tracking"]["detail"]
    assert "refused" in found["tracking"]["detail"]
    assert len(found["tracking"]["detail"]) < 200, "not the whole story of a client's retries"
    assert "MLFLOW_TRACKING_URI" in found["tracking"]["fix"]
    code, _, _ = findings(shell, MLFLOW_TRACKING_URI=uri)
    assert code == 0, "nobody asked for tracking"


def test_a_store_of_files_is_told_and_not_touched(shell):
    pytest.importorskip("mlflow")
    uri = f"sqlite:///{shell.directory / 'runs.db'}"
    _, _, found = findings(shell, MLFLOW_TRACKING_URI=uri)
    assert found["tracking"]["status"] == "note"
    assert "workers on other machines do not reach" in found["tracking"]["detail"]
    assert list(shell.directory.iterdir()) == []


def test_a_probe_runs_a_trial(shell):
    code, _, found = findings(shell, "--backend", "local", "--probe", "--no-tracking")
    assert code == 0
    assert found["probe local"]["status"] == "ok"


def test_a_probe_of_spark_says_whether_a_worker_reaches_the_store(shell, mlflow_server, tmp_path):
    pytest.importorskip("pyspark")
    env = {"SPARK_LOCAL_IP": "127.0.0.1", "MLFLOW_TRACKING_URI": mlflow_server.uri}
    probe = ("--backend", "spark", "--probe")
    code, _, found = findings(shell, *probe, **env, PYSPARK_PYTHON=sys.executable)
    assert code == 0, found
    assert found["tracking"]["detail"].endswith(f"store {mlflow_server.uri} answers")
    detail = found["probe spark"]["detail"]
    assert "a trial ran in Python" in detail
    assert f"which reaches {mlflow_server.uri}" in detail

    # An executor without mlflow; workers of a local master would find that of the driver.
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    env["PYSPARK_PYTHON"] = str(tmp_path / "bare" / "bin" / "python")
    env["PYSPARK_SUBMIT_ARGS"] = "--master local-cluster[1,1,1024] pyspark-shell"
    code, data, found = findings(shell, *probe, **env)
    assert (code, data["failed"]) == (1, ["probe spark"])
    assert (
        f"does not reach the tracking store {mlflow_server.uri}" in found["probe spark"]["detail"]
    )
    assert "No module named 'mlflow'" in found["probe spark"]["detail"]
    assert "install mlflow on them" in found["probe spark"]["fix"]


def test_a_probe_that_fails_is_an_answer_and_no_traceback(shell, tmp_path):
    pytest.importorskip("pyspark")
    code, data, found = findings(
        shell,
        *("--backend", "spark", "--probe", "--no-tracking"),
        SPARK_LOCAL_IP="127.0.0.1",
        PYSPARK_PYTHON="/no/python",
    )
    assert code == 1
    assert data["failed"] == ["probe spark"]
    assert "cannot start their Python, '/no/python'" in found["probe spark"]["detail"]


@pytest.mark.parametrize("args", [["--backend", "dask"], ["--no-such-option"], ["more"]])
def test_bad_usage_exits_2_without_a_traceback(shell, args):
    result = doctor(shell, *args)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
