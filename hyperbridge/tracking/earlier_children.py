"""The child runs that the earlier calls of a search have left: completed, ended or deleted.

What a killed process still had to log is read from the documents of its trials, which were on disk
before. In the end there is one run for each trial, and none is RUNNING.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hyperbridge.documents import Document, Trial, attempt_of
from hyperbridge.tracking.attach.trial import STRAY_TAG
from hyperbridge.tracking.children import CALL_TAG, PARENT_TAG, STATUS, Child, ChildRuns
from hyperbridge.tracking.from_documents import (
    REUSED_KEY,
    end_of,
    ended_ms,
    is_of_search,
    started_ms,
    status_of,
)
from hyperbridge.tracking.logger import BackgroundLogger
from hyperbridge.tracking.record import ATTEMPT_TAG, STATUS_TAG
from hyperbridge.tracking.store import Store

_OPEN = ("RUNNING", "SCHEDULED")
_TID_TAG = "hyperbridge.tid"


class EarlierChildren:
    """What becomes of the child runs of the earlier calls of a search.

    Args:
        store: Where they are.
        children: Completes and deletes runs.
        logger: Does so in the background.
        fmin_uuid: Names the search.
        call: Names the present call, whose runs are left alone.
        ended: The trials of the search that have ended before it.
        attachments: Theirs, as in ``Trials.attachments``.
        began_ms: When the first call of the search began, in milliseconds since the epoch.
        tags: Returns the tags that describe a trial from its start on.
        experiment_id: Returns the experiment of the runs.
        creates: Whether a run that is missing is created, as the present call logs to the parent
            run of the earlier ones.
    """

    def __init__(
        self,
        store: Store,
        children: ChildRuns,
        logger: BackgroundLogger,
        *,
        fmin_uuid: str,
        call: str,
        ended: Sequence[Document],
        attachments: Mapping[str, Any],
        began_ms: int,
        tags: Callable[[Trial], dict[str, str]],
        experiment_id: Callable[[], str],
        creates: bool,
    ) -> None:
        self._store = store
        self._children = children
        self._logger = logger
        self._fmin_uuid = fmin_uuid
        self._call = call
        self._ended = ended
        self._attachments = attachments
        self._began_ms = began_ms
        self._tags = tags
        self._experiment_id = experiment_id
        self._creates = creates
        self._lock = threading.Lock()
        self._again: set[str] = set()
        self._unfinished: dict[str, list[_LeftRun]] = {}

    def put_in_order(self) -> None:
        """Look at all runs at once, and have done what is to be done, on any thread.

        Raises:
            StoreAwayError: The store is away, and nothing has been begun.
        """
        experiment_id = self._experiment_id()
        runs = self._store.find_runs(experiment_id, f"tags.fmin_uuid = '{self._fmin_uuid}'")
        query = f"attributes.status = 'RUNNING' and tags.`{STRAY_TAG}` = '{self._fmin_uuid}'"
        strays = self._store.find_runs(experiment_id, query)
        of_trials: defaultdict[str, list[Any]] = defaultdict(list)
        for run in sorted(runs, key=lambda run: run.info.start_time):
            tags = run.data.tags
            if _TID_TAG in tags and tags.get(CALL_TAG) != self._call:
                of_trials[tags[_TID_TAG]].append(run)
        ids = {run.info.run_id for runs in of_trials.values() for run in runs}
        for run in _below(ids, strays):
            self._end(_LeftRun(run))
        for document in self._ended:
            self._settle(document, of_trials.pop(str(document["tid"]), []))
        with self._lock:
            self._unfinished = {
                tid: [_LeftRun(run) for run in runs] for tid, runs in of_trials.items()
            }
            again = self._again & self._unfinished.keys()
        for tid in self._unfinished.keys() - again:
            for left in self._unfinished[tid]:
                if left.run.info.status in _OPEN:
                    self._end(left)
        for tid in again:
            for left in self._unfinished[tid]:
                self._discard(left)

    def started_again(self, trial: Trial) -> None:
        """Have the runs deleted that earlier calls have left of a trial which starts now."""
        tid = str(trial.tid)
        with self._lock:
            self._again.add(tid)
            left_runs = self._unfinished.get(tid, ())
        for left in left_runs:
            self._discard(left)

    # -- one trial -------------------------------------------------------------------------

    def _settle(self, document: Document, runs: list[Any]) -> None:
        """Leave of the runs of a trial that has ended one that says all about it."""
        attempt = attempt_of(document)
        of_attempt = [run for run in runs if run.data.tags.get(ATTEMPT_TAG, "1") == str(attempt)]
        kept = of_attempt[-1] if of_attempt else None
        for run in runs:
            if run is not kept:
                self._discard(_LeftRun(run))
        if kept is None:
            never_had_one = REUSED_KEY in document["misc"]
            is_own = is_of_search(document, self._began_ms)
            if never_had_one or not is_own or not self._creates:
                return
        elif _is_complete(kept, document):
            return
        self._complete(document, kept)

    def _complete(self, document: Document, run: Any) -> None:
        end = end_of(document, self._attachments)
        child = Child(
            end.trial, self._tags(end.trial), started_ms(document), run=run, is_left=run is not None
        )
        steps, last = self._children.complete(child, end, ended_ms(document))
        self._logger.submit(f"trial {end.trial.tid}", *steps, last=last)

    def _discard(self, left: _LeftRun) -> None:
        self._submit(left.run, lambda: left.discard(self._children))

    def _end(self, left: _LeftRun) -> None:
        self._submit(left.run, lambda: left.end(self._store))

    def _submit(self, run: Any, last: Callable[[], None]) -> None:
        self._logger.submit(str(run.info.run_name), last=last)


class _LeftRun:
    """A run that nobody logs to any more."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self._is_discarded = False
        self._lock = threading.Lock()

    def end(self, store: Store) -> None:
        """End it as KILLED, unless it has been deleted meanwhile."""
        with self._lock:
            if not self._is_discarded:
                run_id = self.run.info.run_id
                if _TID_TAG in self.run.data.tags:
                    store.log(run_id, tags={STATUS_TAG: "cancelled"})
                store.end_run(run_id, "KILLED", _now_ms())

    def discard(self, children: ChildRuns) -> None:
        """Delete it, and what is nested in it."""
        with self._lock:
            self._is_discarded = True
            children.discard_run(self.run, _now_ms())


def _is_complete(run: Any, document: Document) -> bool:
    """Tell whether a run says how its trial ended: that is logged last of all."""
    status = status_of(document)
    return bool(run.info.status == STATUS[status] and run.data.tags.get(STATUS_TAG) == status)


def _below(ids: set[str], strays: Sequence[Any]) -> list[Any]:
    """Return those of the runs that are nested in some others, however deep."""
    known, found = set(ids), []
    rest = list(strays)
    while more := [run for run in rest if run.data.tags.get(PARENT_TAG) in known]:
        found += more
        known |= {run.info.run_id for run in more}
        rest = [run for run in rest if run not in more]
    return found


def _now_ms() -> int:
    return int(time.time() * 1000)
