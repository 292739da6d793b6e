"""Do for a resumed child run what `mlflow.start_run` does with its arguments on resuming."""

from __future__ import annotations

import contextlib
import importlib
from typing import Any

_NOTE_TAG = "mlflow.note.content"


def apply_to_resumed(
    fluent: Any, run_id: str, given: dict[str, Any], cleanup: contextlib.ExitStack[Any]
) -> None:
    """Apply name, tags, description and system metrics; no call to the store without them.

    Args:
        fluent: The module `mlflow.tracking.fluent`.
        run_id: The run.
        given: The arguments of `mlflow.start_run`, by name.
        cleanup: Closed when the trial ends.
    """
    mlflow = importlib.import_module("mlflow")
    tags = {key: str(value) for key, value in (given.get("tags") or {}).items()}
    if given.get("description"):
        if _NOTE_TAG in tags:
            raise mlflow.MlflowException(
                f"The description is given twice: as description and as the tag {_NOTE_TAG!r}."
            )
        tags[_NOTE_TAG] = given["description"]
    client = mlflow.MlflowClient()
    if given.get("run_name"):
        client.update_run(run_id, name=given["run_name"])
    if tags:
        entities = importlib.import_module("mlflow.entities")
        client.log_batch(run_id, tags=[entities.RunTag(key, tags[key]) for key in tags])
    if given.get("log_system_metrics"):
        _monitor_system(fluent.run_id_to_system_metrics_monitor, run_id, cleanup)


def _monitor_system(
    monitors: dict[str, Any], run_id: str, cleanup: contextlib.ExitStack[Any]
) -> None:
    if run_id in monitors:
        return
    module = importlib.import_module("mlflow.system_metrics.system_metrics_monitor")
    monitor = module.SystemMetricsMonitor(run_id, resume_logging=True)
    monitor.start()
    monitors[run_id] = monitor

    def finish() -> None:
        if monitors.pop(run_id, None) is not None:
            monitor.finish()

    cleanup.callback(finish)
