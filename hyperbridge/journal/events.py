"""The records of a journal: one for each thing that happens to a search."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from hyperbridge.documents import Document
from hyperbridge.files.processes import this_process
from hyperbridge.journal.documents import OnLoss, Part, encode_named, whole_of
from hyperbridge.journal.lines import Record
from hyperbridge.journal.values import encode


def now_ms() -> int:
    """Return the time as records hold it: milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def _event(name: str, **parts: Any) -> Record:
    return {"event": name, "at": now_ms(), **parts}


def call(
    *,
    space: dict[str, str],
    objective: dict[str, str],
    backend: str,
    algo: str,
    max_evals: int | None,
    first_stream: dict[str, Any] | None,
    stream: dict[str, Any] | None,
) -> Record:
    """A call of fmin begins, in this process."""
    return _event(
        "call",
        process=this_process(),
        space=space,
        objective=objective,
        backend=backend,
        algo=algo,
        max_evals=max_evals,
        first_stream=stream_text(first_stream),
        stream=stream_text(stream),
    )


def brought(document: Document, attachments: Mapping[Any, Any], on_loss: OnLoss) -> Record:
    """A trial comes from elsewhere: it was in the Trials object before."""
    record = _event("brought", trial=whole_of(document, on_loss))
    return _with_attachments(record, attachments, on_loss)


def proposed(parts: Iterable[Part], stream: dict[str, Any] | None) -> Record:
    """Trials were proposed at one time.

    Args:
        parts: The `whole_of` each.
        stream: Where the search stands after it.
    """
    return _event("proposed", trials=list(parts), stream=stream_text(stream))


def started(document: Document, attempt: int) -> Record:
    """An attempt at a trial begins."""
    parts = {"tid": document["tid"], "book_time": document["book_time"]}
    if attempt > 1:
        parts["attempt"] = attempt
    return _event("started", **{name: encode(value, []) for name, value in parts.items()})


def reported(tid: Any, step: int, loss: float, at_ms: int) -> Record:
    """A running trial has reported a loss."""
    return {
        "event": "reported",
        "at": at_ms,
        "tid": encode(tid, []),
        "step": step,
        "loss": encode(float(loss), []),
    }


def ended(trial: Part, attachments: Mapping[Any, Any], on_loss: OnLoss) -> Record:
    """A trial is final.

    Args:
        trial: The `change_of` its document.
        attachments: By name.
        on_loss: Told of what an attachment loses.
    """
    return _with_attachments(_event("ended", trial=trial), attachments, on_loss)


def tracked(facts: Mapping[str, str]) -> Record:
    """The MLflow tracker has noted something."""
    return _event("tracked", facts=dict(facts))


def closed(reason: str | None) -> Record:
    """A call of fmin is over."""
    return _event("closed", reason=reason)


def stream_text(stream: dict[str, Any] | None) -> str | None:
    """Return where a search stands as a text in the record: of many, the last alone is read."""
    if stream is None:
        return None
    return json.dumps(encode(stream, []), separators=(",", ":"))


def _with_attachments(record: Record, attachments: Mapping[Any, Any], on_loss: OnLoss) -> Record:
    if attachments:
        record["attachments"] = encode_named("attachments", dict(attachments), on_loss)
    return record
