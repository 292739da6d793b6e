"""The checks of ``hyperbridge doctor`` that start nothing: packages, Java, Pythons, the store.

Source: the requirements in the documentation of PySpark 3.5 and 4.x, Ray, Optuna and MLflow.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from hyperbridge.cli.doctor.findings import Finding

_OLDEST = {"pyspark": (3, 5), "ray": (2, 40), "optuna": (4, 0), "mlflow": (3, 0)}
_COMMAND_TIMEOUT_S = 30
_JAVA_WITHOUT_SECURITY_MANAGER = 24  # Spark 4.1 was the first not to need one


def version_of(package: str) -> str | None:
    """Return the version of an installed distribution, None when it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def check_core() -> list[Finding]:
    """Look at what every backend needs."""
    details = f"{platform.python_version()} at {sys.executable}"
    found = [Finding("python", "ok", details)]
    for package in ("hyperbridge", "hyperopt"):
        version = version_of(package)
        if package == "hyperbridge" and version is None:
            found.append(Finding(package, "note", "runs from a folder and is not installed"))
        elif version is None:
            found.append(Finding(package, "missing", "not installed", f"pip install {package}"))
        else:
            found.append(Finding(package, "ok", version))
    found.append(Finding("local", "ok", "always there"))
    return found


def check_package(backend: str, package: str) -> Finding:
    """Look whether a backend's package is there, and not too old."""
    version = version_of(package)
    if version is None:
        return Finding(backend, "missing", "not installed", f"pip install 'hyperbridge[{backend}]'")
    oldest = _OLDEST[package]
    if _numbers(version) < oldest:
        wanted = ".".join(map(str, oldest))
        return Finding(
            backend,
            "broken",
            f"{package} {version} is older than {wanted}",
            f"pip install --upgrade 'hyperbridge[{backend}]'",
        )
    return Finding(backend, "ok", f"{package} {version}")


def check_spark() -> list[Finding]:
    """Look at PySpark, and at what a classic session and a Connect session need beside it."""
    package = next((p for p in ("pyspark", "pyspark-client") if version_of(p)), "pyspark")
    if package == "pyspark-client":
        return [Finding("spark", "ok", f"{package} {version_of(package)}"), _check_connect()]
    base = check_package("spark", package)
    if not base.works:
        return [base]
    found = [_check_connect()]
    if os.environ.get("SPARK_REMOTE", "").startswith("sc://"):
        found.insert(0, Finding("spark", "ok", f"{base.detail}, Spark Connect by SPARK_REMOTE"))
        return found
    version = version_of(package) or ""
    problem = _check_java(version) or _check_home(version) or _check_thread_mode()
    if problem is not None:
        return [problem, *found]
    java = java_version()
    return [Finding("spark", "ok", f"{base.detail}, Java {java}"), *found, check_worker_python()]


def _check_connect() -> Finding:
    lacking = [p for p in ("grpc", "pyarrow", "pandas") if importlib.util.find_spec(p) is None]
    if lacking:
        return Finding(
            "spark connect",
            "missing",
            f"not installed: {', '.join(lacking)}",
            "pip install 'hyperbridge[connect]'",
        )
    return Finding("spark connect", "ok", "its packages are installed")


def java_version() -> str | None:
    """Return the version of the Java that Spark would start; None when there is none."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None:
        return None
    try:
        result = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "([^"]+)"', result.stderr + result.stdout)
    return None if match is None else match[1]


def _check_java(spark_version: str) -> Finding | None:
    least = 17 if _numbers(spark_version) >= (4, 0) else 8
    java = java_version()
    fix = f"install a JDK of version {max(least, 17)} and set JAVA_HOME to its folder"
    if java is None:
        where = os.environ.get("JAVA_HOME")
        place = f"JAVA_HOME={where} has no java" if where else "no java on the PATH"
        return Finding("spark", "broken", f"pyspark {spark_version} needs Java: {place}", fix)
    major = _numbers(java.removeprefix("1."))[0]
    if major < least:
        detail = f"pyspark {spark_version} needs Java {least} or later, found {java}"
        return Finding("spark", "broken", detail, fix)
    if major >= _JAVA_WITHOUT_SECURITY_MANAGER and _numbers(spark_version) < (4, 1):
        detail = f"pyspark {spark_version} does not run on Java {java}, which is too new for it"
        return Finding("spark", "broken", detail, "set JAVA_HOME to the folder of a JDK 17")
    return None


def _check_home(spark_version: str) -> Finding | None:
    """Look at SPARK_HOME, whose Spark is started in the place of PySpark's own."""
    home = os.environ.get("SPARK_HOME")
    if not home:
        return None
    fix = "unset SPARK_HOME, or install the pyspark of its version"
    jars = [path.name for path in Path(home, "jars").glob("spark-core_*.jar")]
    if not jars or not Path(home, "bin", "spark-submit").exists():
        return Finding("spark", "broken", f"SPARK_HOME={home} holds no Spark", fix)
    named = re.match(r"spark-core_[\d.]+-(\d[\d.]*)", jars[0])  # vendors add a suffix
    there = named[1].rstrip(".") if named is not None else spark_version
    if _numbers(there) != _numbers(spark_version):
        detail = f"SPARK_HOME={home} holds Spark {there}, the driver's pyspark is {spark_version}"
        return Finding("spark", "broken", detail, fix)
    return None


def _check_thread_mode() -> Finding | None:
    if os.environ.get("PYSPARK_PIN_THREAD", "true").lower() == "false":
        return Finding(
            "spark",
            "broken",
            "PYSPARK_PIN_THREAD=false: the jobs of trials cannot be told apart",
            "remove PYSPARK_PIN_THREAD from the environment",
        )
    return None


def check_worker_python() -> Finding:
    """Compare the Python that PYSPARK_PYTHON names with the driver's."""
    subject = "spark python"
    named = os.environ.get("PYSPARK_PYTHON")
    fix = f"export PYSPARK_PYTHON={sys.executable} (or the same Python where the workers are)"
    if named is None:
        detail = (
            "PYSPARK_PYTHON is not set: workers on this machine run the driver's Python; on a "
            "cluster, or on a Spark Connect server, they run what they call python3"
        )
        return Finding(subject, "note", detail, fix)
    path = shutil.which(named)
    if path is None:
        detail = f"PYSPARK_PYTHON={named} is not on this machine, so it was not compared"
        return Finding(subject, "note", detail, f"unless the workers have it: {fix}")
    try:
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        result = subprocess.run(
            [path, "-c", code], capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return Finding(subject, "broken", f"PYSPARK_PYTHON={named} does not start: {exc}", fix)
    theirs, ours = result.stdout.strip(), f"{sys.version_info.major}.{sys.version_info.minor}"
    if theirs != ours:
        detail = f"PYSPARK_PYTHON={named} is Python {theirs or '?'}, the driver's is {ours}"
        return Finding(subject, "broken", detail, fix)
    return Finding(subject, "ok", f"PYSPARK_PYTHON={named} is Python {theirs}, as the driver's")


def check_tracking() -> Finding:
    """Look at MLflow, and whether its store answers; a store of files is not touched."""
    subject = "tracking"
    base = check_package("mlflow", "mlflow")
    if not base.works:
        return Finding(subject, base.status, base.detail, base.fix)
    import mlflow

    uri = mlflow.get_tracking_uri()
    scheme = urlsplit(uri).scheme
    detail = f"{base.detail}, store {uri}"
    if scheme in ("sqlite", "file", ""):
        return Finding(
            subject,
            "note",
            f"{detail}: a file of this machine, which workers on other machines do not reach",
            "for a cluster: run 'mlflow server' and set MLFLOW_TRACKING_URI to its address",
        )
    problem = ask_store(uri)
    if problem is not None:
        fix = "check MLFLOW_TRACKING_URI, the credentials, and that the server runs"
        return Finding(subject, "broken", f"{detail} does not answer: {problem}", fix)
    return Finding(subject, "ok", f"{detail} answers")


def ask_store(uri: str) -> str | None:
    """Ask a tracking server for an experiment; return what went wrong, or None."""
    import mlflow

    limits = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
    before = {name: os.environ.get(name) for name in limits}
    os.environ.update(limits)
    try:
        mlflow.MlflowClient(uri).search_experiments(max_results=1)
    except Exception as exc:  # noqa: BLE001 - a store plugin may raise anything
        return describe_cause(exc)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return None


def _before(exc: BaseException) -> BaseException | None:
    """Return the error behind an error, unless it is a lookup that a clearer message replaced."""
    if exc.__cause__ is not None:
        return exc.__cause__
    if exc.__suppress_context__ or isinstance(exc.__context__, LookupError):
        return None
    return exc.__context__


def describe_cause(exc: BaseException) -> str:
    """Return the error that an error began with, in a line: clients wrap it many times.

    Examples:
        >>> try:
        ...     try:
        ...         raise ConnectionRefusedError("nobody listens")
        ...     except OSError as exc:
        ...         raise RuntimeError("a page of text") from exc
        ... except RuntimeError as exc:
        ...     describe_cause(exc)
        'ConnectionRefusedError: nobody listens'
    """
    while (before := _before(exc)) is not None:
        exc = before
    lines = str(exc).strip().splitlines()
    return f"{type(exc).__name__}: {lines[0] if lines else ''}"[:300]
