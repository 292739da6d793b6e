"""What the documents of ended trials say about their MLflow runs, when the tracker itself is gone.

Pure functions: another call of fmin completes from them what a killed one had not logged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR, STATUS_OK

from hyperbridge.documents import (
    LOG,
    Document,
    Failure,
    Trial,
    TrialEnd,
    TrialStatus,
    assignment_of,
    is_taken_over,
    loss_of,
    reports_of,
    was_pruned,
)

_STATUS_OF: dict[int, TrialStatus] = {JOB_STATE_ERROR: "failure", JOB_STATE_CANCEL: "cancelled"}

REUSED_KEY = "reused_from"
"""Key of ``misc`` in documents whose result is another trial's: they were never started."""


def has_ended(document: Document) -> bool:
    """Tell whether a trial was started and has ended.

    Examples:
        >>> has_ended({"state": JOB_STATE_CANCEL, "book_time": None})
        False
    """
    is_over = document["state"] in (JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_CANCEL)
    return is_over and document["book_time"] is not None


def is_of_search(document: Document, since_ms: int) -> bool:
    """Tell whether an ended trial belongs to a search that has begun at a time.

    Args:
        document: One that has ended.
        since_ms: When the first call of the search began: what started before was brought along.
    """
    return not is_taken_over(document) and started_ms(document) >= since_ms


def status_of(document: Document) -> TrialStatus:
    """Return how an ended trial ended.

    Examples:
        >>> status_of({"state": JOB_STATE_DONE, "result": {"status": "ok", "loss": 0.5}})
        'success'
    """
    if document["state"] != JOB_STATE_DONE:
        return _STATUS_OF[document["state"]]
    if was_pruned(document):
        return "pruned"
    return "success" if document["result"].get("status") == STATUS_OK else "failure"


def end_of(document: Document, attachments: Mapping[str, Any]) -> TrialEnd:
    """Return the end of a trial as observers have seen it; the times of its reports are lost.

    Args:
        document: One that has ended.
        attachments: As in ``Trials.attachments``; what the trial has printed is taken from them.
    """
    misc, status = document["misc"], status_of(document)
    failure = None
    if document["state"] != JOB_STATE_DONE:
        type_name, message = misc.get("error", ("", ""))
        failure = Failure(type_name, message, misc.get("traceback", message))
    at_ms = ended_ms(document)
    log = attachments.get(f"ATTACH::{document['tid']}::{LOG}")
    return TrialEnd(
        Trial(document["tid"], assignment_of(document), document),
        status,
        loss=float(document["result"]["loss"]) if status == "success" else None,
        result=document["result"] if document["state"] == JOB_STATE_DONE else None,
        failure=failure,
        reports=[(step, loss, at_ms) for step, loss in reports_of(document).items()],
        attachments={LOG: log} if log else {},
    )


def counts_of(documents: Iterable[Document]) -> Counter[str]:
    """Count trials by how they ended, and those that took another trial's result."""
    counts: Counter[str] = Counter()
    for document in documents:
        counts[status_of(document)] += 1
        counts["reused"] += REUSED_KEY in document["misc"]
    return counts


def improvements(documents: Iterable[Document]) -> list[tuple[float, int, int]]:
    """Return each best loss so far of ended trials, when it came, and after how many trials."""
    found: list[tuple[float, int, int]] = []
    for n, document in enumerate(sorted(documents, key=ended_ms), start=1):
        loss = loss_of(document)
        if loss is not None and (not found or loss < found[-1][0]):
            found.append((loss, ended_ms(document), n))
    return found


def started_ms(document: Document) -> int:
    """Return when an ended trial was started, in milliseconds since the epoch.

    Examples:
        >>> started_ms({"book_time": datetime(1970, 1, 1, 0, 0, 1, 5000)})
        1005
    """
    return _milliseconds(document["book_time"])


def ended_ms(document: Document) -> int:
    """Return when a trial ended, in milliseconds since the epoch."""
    return _milliseconds(document["refresh_time"] or document["book_time"])


def _milliseconds(time: datetime) -> int:
    """Convert what hyperopt's documents hold: UTC, naive."""
    return round(time.replace(tzinfo=timezone.utc).timestamp() * 1000)
