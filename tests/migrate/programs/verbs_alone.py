"""Scan and migrate two programs where no other package can be imported."""

import sys
from typing import Any

GONE = ("hyperopt", "optuna", "ray", "pyspark", "mlflow", "libcst", "numpy", "scipy")


class Blocker:
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in GONE:
            raise ModuleNotFoundError(name, name=name)


sys.meta_path.insert(0, Blocker())
from hyperbridge.cli.main import main

assert main(["scan", sys.argv[1]]) == 1
assert main(["migrate", sys.argv[1], "--to", "ray"]) == 0
assert main(["migrate", sys.argv[1], "--to", "optuna", "--write"]) == 0
assert main(["migrate", sys.argv[2], "--to", "optuna"]) == 0
