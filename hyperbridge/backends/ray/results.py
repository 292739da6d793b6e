"""Between outcomes and documents on our side, and the metrics that Tune keeps and shows."""

from __future__ import annotations

import math
import numbers
import traceback
from typing import Any

from hyperopt.base import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK

from hyperbridge.documents import Document, Failure, Outcome
from hyperbridge.errors import WorkerLostError
from hyperbridge.run.dispatch import cancelled
from hyperbridge.worker.frames import safe_text, type_text
from hyperbridge.worker.metrics import TUNES_OWN, plain_metrics


def metrics_of(document: Document) -> dict[str, Any]:
    """Return what Tune shows of a document: loss, status, trial id, other plain values.

    Every trial has a loss, because Tune counts on its metric. It is NaN for one that failed, so
    that no such trial is the best.
    """
    shown: dict[str, Any] = {"status": STATUS_FAIL, "tid": document["tid"]}
    loss = None
    if document["state"] == JOB_STATE_DONE:
        shown |= plain_metrics(document["result"], TUNES_OWN)
        loss = document["result"].get("loss") if shown["status"] == STATUS_OK else None
    return {**shown, "loss": math.nan if loss is None else float(loss)}


def outcome_of_last(result: dict[str, Any] | None) -> Outcome:
    """Return the outcome of a trial that was stopped early: the last loss that it reported.

    Its result has ``stopped_early`` set to 1, a number so that MLflow keeps it too. Without a
    loss among the reports it is cancelled.
    """
    reported = plain_metrics(result, TUNES_OWN)
    if not isinstance(reported.get("loss"), numbers.Real):
        return cancelled("Ray Tune stopped the trial before it reported a loss")
    return Outcome("returned", value={"status": STATUS_OK, **reported, "stopped_early": 1})


def outcome_of_error(error: BaseException | None) -> Outcome:
    """Return the outcome of a trial whose process is gone, or that Ray could not start."""
    what = "Ray tells no reason" if error is None else safe_text(error).strip()
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
