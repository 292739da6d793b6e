"""Decide what a worker process needs to reach the stores that the driver uses."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from hyperbridge.tracking.attach import MlflowAttachment
from hyperbridge.tracking.complaints import Complaints

_NOT_SHIPPED = frozenset(
    {
        "MLFLOW_ACTIVE_MODEL_ID",
        "MLFLOW_EXPERIMENT_ID",
        "MLFLOW_EXPERIMENT_NAME",
        "MLFLOW_REGISTRY_URI",
        "MLFLOW_RUN_ID",
        "MLFLOW_TRACKING_URI",
    }
)
"""Variables that speak of the driver's run; the attachment sets those it needs itself."""

_CLOUD_PREFIXES = {
    "s3": ("AWS_",),
    "gs": ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"),
    "wasb": ("AZURE_",),
    "wasbs": ("AZURE_",),
    "abfs": ("AZURE_",),
    "abfss": ("AZURE_",),
}
"""Variables that each kind of artifact store takes its credentials from."""


def make_attachment(
    tracking_uri: str, *, artifact_uri: str | None, complaints: Complaints
) -> MlflowAttachment:
    """Build the attachment for the driver's current MLflow settings.

    The MLFLOW_ variables travel as they are, the credentials of a Databricks profile as
    DATABRICKS_ variables. Credentials of the artifact store (only of the kind in use) are
    given to workers that have none of that name.

    Args:
        tracking_uri: As MLflow resolved it on the driver.
        artifact_uri: Where the parent run keeps its artifacts; None when it is not known.
        complaints: Where trouble is noted.
    """
    mlflow: Any = importlib.import_module("mlflow")
    tracking = absolute_uri(tracking_uri)
    registry = absolute_uri(mlflow.get_registry_uri())
    environment = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("MLFLOW_") and name not in _NOT_SHIPPED
    }
    environment |= _stored_credentials()
    environment |= _databricks_credentials(tracking, complaints)
    environment["MLFLOW_TRACKING_URI"] = tracking
    if registry != tracking:
        environment["MLFLOW_REGISTRY_URI"] = registry
    return MlflowAttachment(
        tracking_uri=tracking,
        registry_uri=None if registry == tracking else registry,
        environment=environment,
        defaults=_artifact_credentials(artifact_uri),
    )


def absolute_uri(uri: str) -> str:
    """Return a tracking URI that means the same in any working directory.

    Examples:
        >>> absolute_uri("http://localhost:5000")
        'http://localhost:5000'
        >>> absolute_uri("sqlite:///mlflow.db") == f"sqlite:///{Path('mlflow.db').absolute()}"
        True
    """
    if uri.startswith("sqlite:///"):
        path, mark, query = uri[len("sqlite:///") :].partition("?")
        if path and not path.startswith(":memory:"):
            return f"sqlite:///{Path(path).absolute()}{mark}{query}"
        return uri
    parts = urlsplit(uri)
    if parts.scheme == "" and uri not in ("databricks", "databricks-uc", "uc"):
        return Path(uri or "mlruns").absolute().as_uri()
    if parts.scheme == "file" and not parts.netloc:
        return Path(url2pathname(unquote(parts.path))).absolute().as_uri()
    return uri


def _stored_credentials() -> dict[str, str]:
    """Return what MLflow reads from its credentials file on the driver."""
    credentials = importlib.import_module("mlflow.utils.credentials").read_mlflow_creds()
    found = {
        "MLFLOW_TRACKING_USERNAME": credentials.username,
        "MLFLOW_TRACKING_PASSWORD": credentials.password,
    }
    return {name: value for name, value in found.items() if value is not None}


def _databricks_credentials(tracking_uri: str, complaints: Complaints) -> dict[str, str]:
    databricks = importlib.import_module("mlflow.utils.databricks_utils")
    try:
        found = databricks.get_databricks_env_vars(tracking_uri)
    except Exception as exc:  # noqa: BLE001 - the profile may be of a kind that cannot be read
        complaints.note(
            "credentials",
            f"The Databricks credentials of the driver cannot be handed to workers ({exc}); "
            "logging inside the objective works where the workers have their own.",
        )
        return {}
    return {name: str(value) for name, value in found.items()}


def _artifact_credentials(artifact_uri: str | None) -> dict[str, str]:
    if artifact_uri is None:
        prefixes = tuple(sorted({name for names in _CLOUD_PREFIXES.values() for name in names}))
    else:
        prefixes = _CLOUD_PREFIXES.get(urlsplit(artifact_uri).scheme, ())
    return {name: value for name, value in os.environ.items() if name.startswith(prefixes)}
