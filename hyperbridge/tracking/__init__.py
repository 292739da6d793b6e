"""MLflow tracking of a search: decide whether it is on, and make the observer.

Processes that an objective starts may import `hyperbridge.tracking.attach`, so the tracker, and
hyperopt with it, is imported only when one is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperbridge.optional import MLFLOW

if TYPE_CHECKING:
    from hyperbridge.tracking.tracker import MlflowTracker


def should_track(tracking: bool | None, *, remote: bool) -> bool:
    """Decide whether a search is tracked.

    Args:
        tracking: What the user asked for; None means: when trials go to Spark, Ray or Optuna
            and MLflow is installed.
        remote: Whether the trials go there.

    Raises:
        MissingDependencyError: The user asked for tracking and MLflow is not installed.

    Examples:
        >>> should_track(None, remote=False)
        False
    """
    if tracking is None:
        return remote and MLFLOW.is_installed()
    if tracking and not MLFLOW.is_installed():
        MLFLOW.require("tracking=True")
    return tracking


def make_tracker() -> MlflowTracker:
    """Return the observer for one call of fmin; MLflow is imported when the run starts.

    Examples:
        >>> make_tracker().attachment() is None  # the run has not started
        True
    """
    from hyperbridge.tracking.tracker import MlflowTracker

    return MlflowTracker()


__all__ = ["make_tracker", "should_track"]
