"""The probe of ``hyperbridge doctor``: one real trial, which also asks for the tracking store."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

from hyperbridge import backends
from hyperbridge.backends.findings import Finding

_TIMEOUT_S = 180.0


def probe(backend: str, tracking_uri: str | None) -> Finding:
    """Run one trial on a backend.

    Args:
        backend: Its name.
        tracking_uri: The store that the trial asks for an experiment; None for none.
    """
    subject = f"probe {backend}"
    try:
        with _quiet(), _shutting_down(backend):
            result = _run_trial(backend, tracking_uri)
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is the finding
        return Finding(
            subject,
            "broken",
            f"a trial cannot run: {type(exc).__name__}: {_first_lines(exc)}",
            "see the message; 'hyperbridge doctor' without --probe checks the parts",
        )
    detail = f"a trial ran in Python {result['python']} on {result['host']}"
    problem = result["store"]
    if tracking_uri is None or problem is None:
        store = "" if tracking_uri is None else f", which reaches {tracking_uri}"
        return Finding(subject, "ok", detail + store)
    return Finding(
        subject,
        "broken",
        f"{detail}, which does not reach the tracking store {tracking_uri}: {problem}",
        "use a tracking server that the workers can reach, and install mlflow on them; or run "
        "with --no-tracking",
    )


def _run_trial(backend: str, tracking_uri: str | None) -> dict[str, Any]:
    import numpy as np
    from hyperopt import hp, rand

    from hyperbridge.surface.fmin import fmin
    from hyperbridge.surface.trials import Trials

    trials = Trials()
    fmin(
        _make_objective(tracking_uri),
        hp.uniform("x", 0, 1),
        algo=rand.suggest,
        max_evals=1,
        timeout=_TIMEOUT_S,
        trials=trials,
        rstate=np.random.default_rng(0),
        show_progressbar=False,
        backend=backend,
        parallelism=1,
        tracking=False,
    )
    (document,) = trials.trials
    return document["result"]  # type: ignore[no-any-return]


def _make_objective(tracking_uri: str | None) -> Callable[[float], dict[str, Any]]:
    environment: dict[str, str] = {}
    if tracking_uri is not None:
        environment = _environment_of_workers(tracking_uri)

    def objective(_: float) -> dict[str, Any]:
        import importlib
        import os
        import platform

        problem = None
        if tracking_uri is not None:
            os.environ.update(environment)
            try:
                mlflow = importlib.import_module("mlflow")
                client = mlflow.MlflowClient(environment["MLFLOW_TRACKING_URI"])
                client.search_experiments(max_results=1)
            except Exception as exc:  # noqa: BLE001 - whatever it is, it is the finding
                problem = f"{type(exc).__name__}: {str(exc)[:300]}"
        return {
            "loss": 0.0,
            "status": "ok",
            "python": platform.python_version(),
            "host": platform.node() or "this machine",
            "store": problem,
        }

    objective.__module__ = "__main__"  # pickled by value: workers do not have this module
    return objective


def _environment_of_workers(tracking_uri: str) -> dict[str, str]:
    """Return the variables that a search would give its workers, with little patience."""
    from hyperbridge.tracking.complaints import Complaints
    from hyperbridge.tracking.environment import make_attachment

    attachment = make_attachment(tracking_uri, artifact_uri=None, complaints=Complaints())
    patience = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
    return {**attachment.environment, **patience}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep engines' greetings out of a report that a program may read."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _shutting_down(backend: str) -> Iterator[None]:
    """End what the probe has started."""
    try:
        yield
    finally:
        backends.find(backend).shut_down()


def _first_lines(exc: BaseException) -> str:
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return " ".join(lines[:3])[:600]
