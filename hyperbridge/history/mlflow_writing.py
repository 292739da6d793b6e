"""Write trials as the child runs of a new MLflow run, under the names of a tracked search."""

from __future__ import annotations

import copy
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone

from hyperbridge.documents import LOG, Document, TrialEnd
from hyperbridge.history.history import History
from hyperbridge.space import Space
from hyperbridge.tracking.complaints import Complaints
from hyperbridge.tracking.from_documents import (
    counts_of,
    end_of,
    ended_ms,
    improvements,
    started_ms,
)
from hyperbridge.tracking.names import MAX_TAG_LENGTH, as_number, legal_metric, legal_text
from hyperbridge.tracking.parent import RUN_SOURCE
from hyperbridge.tracking.record import Legaliser, ending_record, starting_tags, traceback_text
from hyperbridge.tracking.store import Store

SOURCE_TAG = "hyperbridge.converted_from"
_STATUS = {
    "success": "FINISHED", "failure": "FAILED", "pruned": "FINISHED", "cancelled": "KILLED"
}  # fmt: skip
_COUNTED = {
    "success": "successful", "failure": "failed", "cancelled": "cancelled", "pruned": "pruned"
}  # fmt: skip


class _Remarks(Complaints):
    """Notes in a history what is logged otherwise than it is."""

    def __init__(self, history: History) -> None:
        super().__init__()
        self._history = history

    def note(self, kind: str, message: str) -> None:
        """Note the first change of its kind."""
        if kind not in self._kinds:
            self._kinds.add(kind)
            self._history.remark(message)


def write_runs(store: Store, experiment_id: str, history: History, space: Space | None) -> str:
    """Write the trials that have ended, and return the id of the run above them.

    When it fails in the middle, that run and the trial's are ended as FAILED.

    Args:
        store: Where to.
        experiment_id: The experiment.
        history: The trials; it gets a line for each thing that is left out.
        space: The search space, for the options of choices; None where it is not known.
    """
    documents = _ended(history)
    fmin_uuid = uuid.uuid4().hex[:6]
    tags = {"runSource": RUN_SOURCE, "fmin_uuid": fmin_uuid}
    parent = store.create_run(
        experiment_id,
        name=None,
        tags={**tags, SOURCE_TAG: legal_text(history.source, MAX_TAG_LENGTH)},
        start_ms=min(map(started_ms, documents)),
    ).info.run_id
    legalise = Legaliser(_Remarks(history))
    status = "FAILED"
    try:
        for document in documents:
            end = end_of(document, history.attachments)
            shared = {**tags, "mlflow.parentRunId": parent}
            _write(store, experiment_id, end, shared, legalise, space)
        _summarise(store, parent, documents)
        status = "FINISHED"
    finally:
        store.end_run(parent, status, max(map(ended_ms, documents)))
    history.remark(f"the trials are the child runs of run {parent}")
    _remark_on(history, documents)
    return str(parent)


def _ended(history: History) -> list[Document]:
    """Return the trials that have ended; those without times get the present one."""
    ended = [d for d in history.documents if d["state"] not in (0, 1)]
    if len(ended) < len(history.documents):
        n = len(history.documents) - len(ended)
        history.remark(f"{n} trials have not ended, and are left out")
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    timeless = [d for d in ended if d["book_time"] is None]
    if timeless:
        history.remark(f"{len(timeless)} trials without a time have the present one in MLflow")
    return [
        {**d, "book_time": now, "refresh_time": now} if d["book_time"] is None else copy.copy(d)
        for d in ended
    ]


def _write(
    store: Store,
    experiment_id: str,
    end: TrialEnd,
    shared_tags: dict[str, str],
    legalise: Legaliser,
    space: Space | None,
) -> None:
    document = end.trial.document
    decode = (lambda _: {}) if space is None else space.decode
    tags = {**shared_tags, **starting_tags(end.trial, decode, legalise)}
    record = ending_record(end, legalise)
    at_ms = ended_ms(document)
    run_id = store.create_run(
        experiment_id, name=f"trial-{end.trial.tid}", tags=tags, start_ms=started_ms(document)
    ).info.run_id
    status = "FAILED"
    try:
        points = [(name, value, at_ms, 0) for name, value in record.metrics.items()]
        points += [
            ("loss", value, reported_ms, step) for step, value, reported_ms in record.reports
        ]
        if record.loss is not None:  # after the reports, as a tracked search has it
            last_step = max((step for step, *_ in record.reports), default=0)
            later = at_ms + 1 if record.reports else at_ms
            points.append(("loss", record.loss, later, last_step))
        store.log(run_id, params=record.params, tags=record.tags, metrics=points)
        if end.status == "failure" and end.failure is not None:
            store.log_text(run_id, traceback_text(end.failure), "traceback.txt")
        if LOG in end.attachments:
            store.log_text(run_id, end.attachments[LOG], "log.txt")
        status = _STATUS[end.status]
    finally:
        store.end_run(run_id, status, at_ms)


def _summarise(store: Store, run_id: str, documents: Sequence[Document]) -> None:
    points = [
        ("best_trial_loss", legal_metric(loss), at_ms, n)
        for loss, at_ms, n in improvements(documents)
    ]
    counts = counts_of(documents)
    numbers = {"total": len(documents)}
    numbers |= {name: counts[kind] for kind, name in _COUNTED.items()}
    now = int(time.time() * 1000)
    points += [(f"{name}_trials_count", float(n), now, 0) for name, n in numbers.items()]
    store.log(run_id, metrics=points)


def _remark_on(history: History, documents: Sequence[Document]) -> None:
    lost: Counter[str] = Counter()
    for document in documents:
        for key, value in document["result"].items():
            if key not in ("status", "loss", "pruned") and as_number(value) is None:
                lost[str(key)] += 1
    for key, n in lost.items():
        history.remark(f"result[{key!r}] of {n} trials is no number, and left out")
    n_left_out = sum(not name.endswith(f"::{LOG}") for name in history.attachments)
    if n_left_out:
        history.remark(f"{n_left_out} attachments are left out")
