"""A worker process as Spark or Ray would have it: reused, and without hyperbridge.

Reads pickled tasks (payload with attachment and objective, token, assignment) from a file and
writes the outcomes to another one.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import traceback
from typing import Any


class _NoHyperbridge:
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] == "hyperbridge":
            raise ImportError(f"{name} is not installed on workers")


def settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if "MLFLOW" in name}


def main(tasks_file: str, outcomes_file: str) -> None:
    sys.meta_path.insert(0, _NoHyperbridge())  # type: ignore[arg-type]
    import cloudpickle

    with open(tasks_file, "rb") as source:
        attachment, tasks = pickle.load(source)
    attachment = cloudpickle.loads(attachment)
    outcomes = []
    finders, environment = list(sys.meta_path), settings()
    for pickled, token, assignment in tasks:
        objective = cloudpickle.loads(pickled)
        try:
            with attachment(token, shared_process=False):
                outcome = ["returned", objective(assignment)]
        except Exception:
            outcome = ["raised", traceback.format_exc()]
        outcome.append(sys.meta_path == finders)
        outcome.append(settings() == environment)
        outcome.append("mlflow" in sys.modules)
        outcomes.append(outcome)
        finders = list(sys.meta_path)  # importing MLflow may add finders of its own
    with open(outcomes_file, "w") as target:
        json.dump(outcomes, target, default=str)


if __name__ == "__main__":
    main(*sys.argv[1:])
