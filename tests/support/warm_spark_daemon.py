"""Stands where Spark starts ``pyspark.daemon``, and has it forked by `warm_python`.

The processes that PySpark forks for its tasks find imported what objectives of tests import, for
which each needs seconds of CPU time else. `settings` has a session start its daemon by this file.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

from warm_servers import OWNER, stand_in

HERE = Path(__file__).parent
PRELOADED = (
    "numpy", "pandas", "scipy.stats", "sklearn", "hyperopt", "sqlalchemy", "alembic.command",
    "mlflow.store.tracking.sqlalchemy_store", "pyspark.worker",
)  # fmt: skip


WITHOUT = "WARM_SPARK_DAEMON_WITHOUT"
"""The variable that names a package of those that workers are not to find imported."""


def settings(*, without: str = "mlflow") -> dict[str, str]:
    """Return the settings of a session that is started, and ends, with this process.

    Args:
        without: A package that its workers, where they use it, import anew.
    """
    if sys.platform != "linux":
        return {}
    import clean_child

    return {
        "spark.python.daemon.module": Path(__file__).stem,
        "spark.executorEnv.PYTHONPATH": str(HERE),
        f"spark.executorEnv.{OWNER}": clean_child.Owner.of_this_process().address,
        f"spark.executorEnv.{WITHOUT}": without,
    }


def variables(settings: dict[str, str]) -> dict[str, str]:
    """Return the variables with which a Spark Connect server is started that heeds `settings`.

    Such a server hands on to its workers what is in its own environment alone.
    """
    prefix = "spark.executorEnv."
    found = {k.removeprefix(prefix): v for k, v in settings.items() if k.startswith(prefix)}
    if found and os.environ.get("PYTHONPATH"):
        found["PYTHONPATH"] += os.pathsep + os.environ["PYTHONPATH"]
    return found


def main() -> None:
    """Have the daemon forked, and end with it; without an owner, be the daemon."""
    owner = os.environ.pop(OWNER, None)
    if owner is None:
        runpy.run_module("pyspark.daemon", run_name="__main__", alter_sys=True)
        return
    paths = os.environ.pop("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path != str(HERE))
    request = {
        "arguments": ["-m", "pyspark.daemon", *sys.argv[1:]],
        "cwd": os.getcwd(),
        "env": dict(os.environ),
        "without": ["mlflow", os.environ.pop(WITHOUT)],
        "leads_session": False,  # it makes a process group of its own
    }
    stand_in(owner, "spark", PRELOADED, request)


if __name__ == "__main__":
    main()
