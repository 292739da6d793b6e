"""The checks of ``hyperbridge doctor`` beside those of the backends: Python, hyperopt, the store.

Source: the documentation of MLflow.
"""

from __future__ import annotations

import os
import platform
import sys
from urllib.parse import urlsplit

from hyperbridge import backends
from hyperbridge.backends.findings import Finding, check_package, version_of
from hyperbridge.errors import BackendUnavailableError
from hyperbridge.optional import MLFLOW


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
    return found


def check_backends() -> list[Finding]:
    """Look at what each backend needs, as its class says."""
    found = []
    for name in backends.names():
        try:
            found += backends.find(name).findings()
        except BackendUnavailableError as exc:  # that of another package
            found.append(Finding(name, "broken", str(exc), "update or uninstall that package"))
    return found


def check_tracking() -> Finding:
    """Look at MLflow, and whether its store answers; a store of files is not touched."""
    subject = "tracking"
    base = check_package("mlflow", MLFLOW)
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
