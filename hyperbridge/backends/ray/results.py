"""Between outcomes and documents on our side, and the metrics that Tune keeps and shows."""

from __future__ import annotations

import math
import numbers
import pickle
import traceback
from typing import Any

from hyperopt.base import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK

from hyperbridge.documents import Document, Failure, Outcome
from hyperbridge.errors import WorkerLostError
from hyperbridge.run.dispatch import cancelled
from hyperbridge.run.trial_log import finite_order_loss
from hyperbridge.worker.frames import safe_text, type_text

TUNES_OWN = frozenset(
    {
        "checkpoint_dir_name",
        "config",
        "date",
        "done",
        "episodes_this_iter",
        "episodes_total",
        "experiment_tag",
        "hostname",
        "iterations_since_restore",
        "node_ip",
        "pid",
        "should_checkpoint",
        "time_since_restore",
        "time_this_iter_s",
        "time_total_s",
        "timestamp",
        "timesteps_since_restore",
        "timesteps_this_iter",
        "timesteps_total",
        "training_iteration",
        "trial_id",
    }
)
"""Keys that Tune fills in, or acts on."""


def metrics_of(document: Document) -> dict[str, Any]:
    """Return what Tune shows of a document: loss, status, trial id, other plain values.

    Every trial has a loss, NaN for a failed one, because Tune counts on its metric.
    """
    shown: dict[str, Any] = {"loss": math.nan, "status": STATUS_FAIL, "tid": document["tid"]}
    if document["state"] == JOB_STATE_DONE:
        result = document["result"]
        shown |= {key: result[key] for key in result if _is_plain(key, result[key])}
        loss = finite_order_loss(result)
        shown["loss"] = math.nan if loss is None else loss
    return shown


def _is_plain(key: Any, value: Any) -> bool:
    if not isinstance(key, str) or key in TUNES_OWN or key.startswith("__"):
        return False
    return isinstance(value, str | bool | numbers.Real)


def outcome_of_last(result: dict[str, Any] | None) -> Outcome:
    """Return the outcome of a trial that was stopped early: the last loss that it reported.

    Its result has ``stopped_early`` set to 1, a number so that MLflow keeps it too. Without a
    loss among the reports it is cancelled.
    """
    reported = {k: v for k, v in (result or {}).items() if _is_plain(k, v)}
    if not isinstance(reported.get("loss"), numbers.Real):
        return cancelled("Ray Tune stopped the trial before it reported a loss")
    return Outcome("returned", value={"status": STATUS_OK, **reported, "stopped_early": 1})


def describe_loss(error: BaseException | None) -> Outcome:
    """Return the outcome of a trial whose process is gone, or that Ray could not start."""
    what = "no more is known" if error is None else safe_text(error).strip()
    first = what.splitlines()[0] if what else type(error).__name__
    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException):  # a RayTaskError: the process lives, the trial failed
        text = "".join(traceback.format_exception(cause))
        return Outcome(
            "raised", failure=Failure(type_text(cause), safe_text(cause), what + "\n", cause)
        )
    lost = WorkerLostError(f"the worker that ran the trial was lost: {first}")
    text = f"{lost}\n{what}\n"
    return Outcome("lost", failure=Failure(str(type(lost)), str(lost), text, lost))


def config_of(assignment: dict[str, Any]) -> dict[str, Any]:
    """Return what Tune shows as a trial's config: plain numbers by label."""
    return {
        label: value.item() if hasattr(value, "item") and getattr(value, "size", 1) == 1 else value
        for label, value in assignment.items()
    }


def error_of(trial: Any) -> BaseException | None:
    """Return what ended one of Tune's trials, as far as it can be read."""
    try:
        with open(trial.pickled_error_file, "rb") as file:
            found = pickle.load(file)
    except (OSError, TypeError, pickle.UnpicklingError, AttributeError, ImportError):
        return None
    return found if isinstance(found, BaseException) else None
