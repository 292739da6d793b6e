"""Settings with which the JVMs of tests start sooner; run as a program, it makes their archive.

The JVMs of tests live for seconds. With the first compiler and one collector thread alone, and
Spark's classes read from an archive (class data sharing) instead of its jars, a session costs
two thirds of the CPU time or less. The archive is made once for a version of Spark and of Java,
beside the first tests; JVMs that start before it is there read the jars.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".pytest_cache" / "spark_jvms"
OLDEST_JAVA = 13  # the first one that makes an archive of what a program has loaded

LIGHT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

# A JVM refuses an archive when a folder of its class path has a file in it, and the folder of
# Spark's settings is on it: that is an empty one, and the settings are options of the JVM.
OPTIONS = f'{LIGHT} -Dspark.ui.enabled=false "-Dspark.executor.extraJavaOptions={LIGHT}"'

ARCHIVE = "spark.jsa"
QUIET = "-Xlog:disable"  # else it says which classes, or that no archive, could be taken


def folder() -> Path | None:
    """Return the folder of the archive for this Spark and Java; None where there can be none."""
    spark, java = importlib.util.find_spec("pyspark"), _java()
    if spark is None or spark.origin is None or java is None or sys.platform != "linux":
        return None
    jars = Path(spark.origin).with_name("jars")
    if not jars.is_dir():  # the client of Spark Connect alone
        return None
    release = java.parents[1] / "release"
    about_java = release.read_text() if release.is_file() else ""
    version = re.search(r'JAVA_VERSION="(\d+)', about_java)
    if version is None or int(version[1]) < OLDEST_JAVA:
        return None
    facts = [str(jars), str(java), about_java, OPTIONS, *sorted(os.listdir(jars))]
    return CACHE / hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _java() -> Path | None:
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java") if home is None else f"{home}/bin/java"
    return None if found is None else Path(found).resolve()


def variables() -> dict[str, str]:
    """Return the variables by which JVMs heed these settings."""
    place = folder()
    if place is None:
        return {}
    shared = f'"-XX:SharedArchiveFile={place / ARCHIVE}" {QUIET}'  # there may be none yet
    return {
        "SPARK_CONF_DIR": str(_no_settings(place)),
        "SPARK_SUBMIT_OPTS": f"{OPTIONS} {shared}",
    }


def make() -> None:
    """Make the archive, beside what goes on, unless it is there or being made."""
    place = folder()
    if place is None or (place / ARCHIVE).exists():
        return
    _makers.append(
        subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    )


_makers: list[subprocess.Popen[bytes]] = []


def _no_settings(place: Path) -> Path:
    settings = place / "no_settings"
    settings.mkdir(parents=True, exist_ok=True)
    return settings


def _make_here(place: Path) -> None:
    import fcntl

    draft, settings = place / "draft.jsa", _no_settings(place)
    with (place / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        draft.unlink(missing_ok=True)
        os.environ["SPARK_CONF_DIR"] = str(settings)
        os.environ["SPARK_SUBMIT_OPTS"] = f'{OPTIONS} "-XX:ArchiveClassesAtExit={draft}" {QUIET}'
        _load_what_tests_use()
        draft.replace(place / ARCHIVE)


def _load_what_tests_use() -> None:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    context = session.sparkContext
    context.setLogLevel("OFF")
    context.parallelize([1, 2], 2).map(abs).collect()
    context.broadcast([1]).value
    session.createDataFrame([(1, "a")], ["x", "y"]).groupBy("y").count().collect()
    session.stop()
    gateway = SparkContext._gateway
    gateway.shutdown()
    gateway.proc.stdin.close()  # its end is the JVM's
    gateway.proc.wait()


if __name__ == "__main__":
    _place = folder()
    if _place is not None:
        _make_here(_place)
