"""What ``hyperbridge doctor`` looks at for Spark: PySpark, Java, the workers' Python.

Source: the requirements in the documentation of PySpark 3.5 and 4.x.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from hyperbridge.backends.findings import Finding, check_package, numbers_of, version_of
from hyperbridge.optional import Package

PYSPARK = Package("pyspark", "Spark", install="hyperbridge[spark]", oldest="3.5")

_COMMAND_TIMEOUT_S = 30
_JAVA_WITHOUT_SECURITY_MANAGER = 24  # Spark 4.1 was the first not to need one


def check_spark() -> list[Finding]:
    """Look at PySpark, and at what a classic session and a Connect session need beside it."""
    package = next((p for p in ("pyspark", "pyspark-client") if version_of(p)), "pyspark")
    if package == "pyspark-client":
        return [Finding("spark", "ok", f"{package} {version_of(package)}"), _check_connect()]
    base = check_package("spark", PYSPARK)
    if not base.works:
        return [base]
    found = [_check_connect()]
    if os.environ.get("SPARK_REMOTE", "").startswith("sc://"):
        found.insert(0, Finding("spark", "ok", f"{base.detail}, Spark Connect by SPARK_REMOTE"))
        return found
    problem = find_problem()
    if problem is not None:
        return [problem, *found]
    java = java_version()
    python = replace(check_worker_python(), needed_by="spark")
    return [Finding("spark", "ok", f"{base.detail}, Java {java}"), *found, python]


def find_problem() -> Finding | None:
    """Return why no classic session can be started, if the environment tells why."""
    version = version_of(PYSPARK.name) or ""
    return _check_java(version) or _check_home(version) or _check_thread_mode()


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
    least = 17 if numbers_of(spark_version) >= (4, 0) else 8
    java = java_version()
    fix = f"install a JDK of version {max(least, 17)} and set JAVA_HOME to its folder"
    if java is None:
        where = os.environ.get("JAVA_HOME")
        place = f"JAVA_HOME={where} has no java" if where else "no java on the PATH"
        return Finding("spark", "broken", f"pyspark {spark_version} needs Java: {place}", fix)
    major = numbers_of(java.removeprefix("1."))[0]
    if major < least:
        detail = f"pyspark {spark_version} needs Java {least} or later, found {java}"
        return Finding("spark", "broken", detail, fix)
    if major >= _JAVA_WITHOUT_SECURITY_MANAGER and numbers_of(spark_version) < (4, 1):
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
        return Finding("spark", "broken", f"SPARK_HOME={home} has no Spark in it", fix)
    named = re.match(r"spark-core_[\d.]+-(\d[\d.]*)", jars[0])  # vendors add a suffix
    there = named[1].rstrip(".") if named is not None else spark_version
    if numbers_of(there) != numbers_of(spark_version):
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
