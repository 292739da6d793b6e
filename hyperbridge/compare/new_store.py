"""Make an empty MLflow database; a process of its own, which may say what it likes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    path = Path(json.loads(sys.argv[1])["path"])
    draft = path.with_suffix(".draft")
    import mlflow

    mlflow.MlflowClient(f"sqlite:///{draft}").search_experiments()
    draft.replace(path)
