"""The Trials object as a FminRun keeps it: O(1) per trial, for subclasses too where they can.

hyperopt's ``Trials.refresh`` rebuilds the list of valid documents from all documents, and its
loop calls it several times per trial. Here that list is kept up to date in place. A subclass
that overrides one of those methods still gets each call that hyperopt's loop would make.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from hyperopt import base

from hyperbridge.documents import Document, know_ids, new_ids, was_pruned

_running: set[int] = set()
"""The id() of each document whose trial runs in some search of this process."""


def is_running_here(document: Document) -> bool:
    """Tell whether a document in state RUNNING belongs to a search of this process."""
    return id(document) in _running


def finite_order_loss(result: dict[str, Any]) -> float | None:
    """Return the loss of a result if it can be compared, None for a missing or NaN one."""
    loss = result.get("loss")
    if loss is None:
        return None
    try:
        value = float(loss)
    except Exception:  # noqa: BLE001 - a trial with status 'fail' may call anything its loss
        return None
    return None if math.isnan(value) else value


def _now() -> datetime:
    """Return the time as hyperopt's documents hold it: UTC, naive, whole milliseconds."""
    now = datetime.now(timezone.utc)
    milliseconds = now.microsecond // 1000
    # faster than now.replace(); naive, as in hyperopt
    return datetime(
        now.year, now.month, now.day, now.hour, now.minute, now.second, milliseconds * 1000
    )


class TrialLog:
    """Inserts documents into a Trials object and moves them through their states.

    Args:
        trials: A ``hyperopt.Trials`` or a subclass; refreshed once here.
    """

    def __init__(self, trials: Any) -> None:
        self.trials = trials
        kind = type(trials)
        self._refresh_is_plain = kind.refresh is base.Trials.refresh
        self._losses_is_plain = kind.losses is base.Trials.losses
        self._n_known = -1
        self._best = math.inf
        self._refresh_all()

    @staticmethod
    def _losses_of(documents: Iterable[Document]) -> Iterable[float]:
        for document in documents:
            loss = finite_order_loss(document["result"])
            if loss is not None and not was_pruned(document):
                yield loss

    def new_documents(self) -> list[Document]:
        """Return the documents that wait in state NEW, in order."""
        return [d for d in self.trials._dynamic_trials if d["state"] == base.JOB_STATE_NEW]

    def new_ids(self, n: int) -> list[int]:
        """Reserve n trial ids."""
        ids = new_ids(self.trials, n)
        self._refresh()
        return ids

    def give_back(self, ids: list[int]) -> None:
        """Release reserved ids that no document got; they are given out again."""
        self.trials._ids.difference_update(ids)

    def insert(self, documents: list[Document]) -> list[Document]:
        """Insert documents in state NEW; return them as stored."""
        trials = self.trials
        before = len(trials._dynamic_trials)
        trials.insert_trial_docs(documents)
        stored: list[Document] = trials._dynamic_trials[before:]
        if self._refresh_is_plain:
            trials._trials.extend(stored)
            trials._ids.update(document["tid"] for document in stored)
            self._n_known += len(stored)
        self._refresh()
        return stored

    def start(self, document: Document) -> None:
        """Mark a document as running."""
        now = _now()
        document["state"] = base.JOB_STATE_RUNNING
        _running.add(id(document))
        document["book_time"] = now
        document["refresh_time"] = now

    def finish(self, document: Document, state: int) -> None:
        """Give a document its final state; DONE documents must have their result by now."""
        document["refresh_time"] = _now()
        document["state"] = state
        _running.discard(id(document))
        if state == base.JOB_STATE_DONE:
            loss = finite_order_loss(document["result"])
            if loss is not None and not was_pruned(document):
                self._best = min(self._best, loss)
        elif self._refresh_is_plain:
            self._drop(document)
        self._refresh()

    def attachments(self, document: Document) -> Any:
        """Return the mapping of a document's attachments."""
        try:
            return self.trials.trial_attachments(document)
        except NotImplementedError:  # hyperopt's own SparkTrials has none
            return base.Trials.trial_attachments(self.trials, document)

    def _drop(self, document: Document) -> None:
        """Take a document out of the valid ones; it is almost always near the end."""
        valid = self.trials._trials
        for index in range(len(valid) - 1, -1, -1):
            if valid[index] is document:
                del valid[index]
                return

    def _refresh(self) -> None:
        if not self._refresh_is_plain:
            self.trials.refresh()
        elif len(self.trials._dynamic_trials) != self._n_known:
            self._refresh_all()  # somebody else inserted trials: ctrl.inject_results does

    def _refresh_all(self) -> None:
        self.trials.refresh()
        know_ids(self.trials)
        self._n_known = len(self.trials._dynamic_trials)
        self._best = min(self._losses_of(self.trials.trials), default=math.inf)

    def best_loss(self) -> float:
        """Return the lowest loss of all valid documents; infinity when there is none."""
        if self._losses_is_plain:
            return self._best
        losses = (loss for loss in self.trials.losses() if loss is not None)
        return min((float(loss) for loss in losses if not math.isnan(loss)), default=math.inf)
