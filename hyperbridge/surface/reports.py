"""``fmin(..., report=True)``: the page of a search, kept with its MLflow run."""

from __future__ import annotations

from typing import Any

from hyperbridge.errors import ArgumentTypeError, UnsupportedArgumentError
from hyperbridge.space import Space
from hyperbridge.tracking import should_track
from hyperbridge.worker.frames import safe_text


def check_report(report: Any, *, tracking: bool | None, backend: Any) -> None:
    """Refuse before the first trial what could not be kept after the last.

    Args:
        report: As given to fmin.
        tracking: What the user asked for; None for the backend's default.
        backend: Where trials run.

    Raises:
        ArgumentTypeError: It is neither True nor False.
        UnsupportedArgumentError: The search is not tracked, so that there is no run to keep it.
        MissingDependencyError: Optuna or Plotly is not installed; the message has the pip line.
    """
    if not isinstance(report, bool):
        raise ArgumentTypeError(f"report must be True or False, got {report!r}")
    if not report:
        return
    if not should_track(tracking, remote=backend.tracked):
        raise UnsupportedArgumentError(
            "report=True keeps a page with the MLflow run, and this search has none. Give "
            "tracking=True too (it needs mlflow), or keep the trials and make the page with "
            "'hyperbridge report'."
        )
    from hyperbridge.pages.optuna_figures import require

    require("report=True")


def page_of(trials: Any, space: Space, fn: Any, backend: str) -> str:
    """Return the page of a search as it stands.

    Args:
        trials: Its trials.
        space: Its search space.
        fn: The objective.
        backend: The name of the backend.
    """
    from hyperbridge.history.trials_object import history_of
    from hyperbridge.pages.report import report

    name = getattr(fn, "__name__", type(fn).__name__)
    history = history_of(trials, f"fmin of {safe_text(name)}, backend {backend}")
    history.space = space
    return report(history)
