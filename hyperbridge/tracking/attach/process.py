"""Save MLflow's process-wide settings before a trial and restore them after it."""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Any


class ProcessState:
    """Context manager for a worker process that has MLflow loaded and runs one trial at a time.

    Args:
        tracking_uri: In force during the trial.
        registry_uri: Likewise; None to follow the tracking URI.
    """

    def __init__(self, tracking_uri: str, registry_uri: str | None) -> None:
        self.tracking_uri = tracking_uri
        self.registry_uri = registry_uri

    def __enter__(self) -> None:
        mlflow = sys.modules["mlflow"]
        self._mlflow: Any = mlflow
        self._fluent: Any = importlib.import_module("mlflow.tracking.fluent")
        self._tracking: Any = importlib.import_module("mlflow.tracking._tracking_service.utils")
        self._registry: Any = importlib.import_module("mlflow.tracking._model_registry.utils")
        self._tracking_before = self._tracking._tracking_uri
        self._registry_before = self._registry._registry_uri
        self._experiment_before = self._fluent._active_experiment_id
        # None lets the environment decide, which the attachment has set.
        if self._tracking_before not in (None, self.tracking_uri):
            mlflow.set_tracking_uri(self.tracking_uri)
        if self._registry_before not in (None, self.registry_uri):
            vars(self._registry)["_registry_uri"] = self.registry_uri
        vars(self._fluent)["_active_experiment_id"] = None
        self._autologging_before = {
            name: dict(config) for name, config in self._autologging().items()
        }

    def __exit__(self, *exc_info: object) -> None:
        self._flush()
        if self._tracking._tracking_uri != self._tracking_before:
            self._mlflow.set_tracking_uri(self._tracking_before)
        vars(self._registry)["_registry_uri"] = self._registry_before
        vars(self._fluent)["_active_experiment_id"] = self._experiment_before
        configurations = self._autologging()
        if configurations != self._autologging_before:
            # The patches of autolog() stay; without a configuration they do nothing.
            configurations.clear()
            configurations.update(self._autologging_before)

    def _flush(self) -> None:
        """Wait for what is logged in the background, traces included, if a store was opened."""
        opened = self._tracking._tracking_store_registry._get_store_with_resolved_uri
        if opened.cache_info().currsize > 0:
            try:
                self._mlflow.flush_async_logging()
                self._mlflow.flush_trace_async_logging()
            except Exception as exc:  # noqa: BLE001 - a store that is away must not fail a trial
                logging.getLogger("hyperbridge").warning("MLflow: could not flush: %s", exc)

    @staticmethod
    def _autologging() -> dict[str, dict[str, Any]]:
        module = importlib.import_module("mlflow.utils.autologging_utils")
        return module.AUTOLOGGING_INTEGRATIONS  # type: ignore[no-any-return]
