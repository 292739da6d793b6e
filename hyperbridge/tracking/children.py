"""The child runs: one per trial, created when it starts and completed after it ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hyperbridge.documents import LOG, Report, Trial, TrialEnd
from hyperbridge.tracking.attach import make_token
from hyperbridge.tracking.parent import ParentRun
from hyperbridge.tracking.record import (
    ATTEMPT_TAG,
    STATUS_TAG,
    Legaliser,
    Record,
    ending_record,
    traceback_text,
)
from hyperbridge.tracking.store import Store, StoreAwayError

Step = Callable[[], None]

STATUS = {
    "success": "FINISHED",
    "failure": "FAILED",
    "pruned": "FINISHED",
    "cancelled": "KILLED",
}
"""The status of a run by how its trial ended."""

CALL_TAG = "hyperbridge.call"
"""Names the call of fmin that started a trial, where it goes on with an earlier one's search."""

_TAGS_AT_CREATION = 90
PARENT_TAG = "mlflow.parentRunId"


@dataclass(eq=False)
class Child:
    """One trial's run.

    Attributes:
        trial: The trial.
        tags: What describes the trial from its start on.
        started_ms: When the trial started, in milliseconds since the epoch.
        run: The `mlflow.entities.Run` once it exists.
        may_exist: Whether it may exist although ``run`` is None: an attempt to create it got
            no answer, or the worker was left to create it.
        refused: Whether the store refused to create it.
        is_left: Whether a call that was killed has created it, and may have logged to it.
        lock: Held while it is being created.
    """

    trial: Trial
    tags: dict[str, str]
    started_ms: int
    run: Any = None
    may_exist: bool = False
    refused: bool = False
    is_left: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """The run's name."""
        return f"trial-{self.trial.tid}"

    def is_about(self, run: Any) -> bool:
        """Tell whether a run of this trial is that of this attempt."""
        tags = run.data.tags
        return all(tags.get(name) == self.tags.get(name) for name in (ATTEMPT_TAG, CALL_TAG))


class ChildRuns:
    """Creates, completes and ends child runs. Its methods raise what `Store` raises.

    Params are logged when a trial has ended, not when it starts: an objective often logs the
    same names with other values (the option of a choice, a quniform as an int), and MLflow
    raises for the later of the two. What the objective logged stands alone then, so that a
    program can build a model from all params of its run; the assignment as the search knows it
    is in the tag ``hyperbridge.params`` from the start.

    Args:
        store: Where the runs are.
        parent: The run above them.
        fmin_uuid: Names the fmin call.
        legalise: Brings names and values into a legal form.
    """

    def __init__(
        self, store: Store, parent: ParentRun, *, fmin_uuid: str, legalise: Legaliser
    ) -> None:
        self._store = store
        self._parent = parent
        self._fmin_uuid = fmin_uuid
        self._legalise = legalise

    def create(self, child: Child) -> None:
        """Create the run of a trial, or find the one that an earlier attempt created.

        Args:
            child: The trial's run; ``child.lock`` is held.
        """
        parent = self._parent.ensure()
        self._find(child)
        if child.run is None:
            child.may_exist = True
            child.run = self._store.create_run(
                parent.info.experiment_id,
                name=child.name,
                tags=self._tags(child, parent),
                start_ms=child.started_ms,
            )

    def token(self, child: Child) -> bytes:
        """Return what the worker gets; without a run it is left to the worker to create it."""
        child.may_exist = True
        parent = self._parent.known_run
        return make_token(
            run=child.run,
            experiment_id=None if parent is None else parent.info.experiment_id,
            parent_run_id=None if parent is None else parent.info.run_id,
            fmin_uuid=self._fmin_uuid,
            name=child.name,
            tags=self._tags(child, parent),
        )

    def complete(self, child: Child, end: TrialEnd, ended_ms: int) -> tuple[list[Step], Step]:
        """Return the steps after a trial has ended, and the last one, which ends its run.

        Args:
            child: The trial's run.
            end: How it ended.
            ended_ms: When, in milliseconds since the epoch.
        """
        steps: list[Step] = [
            lambda: self._ensure(child),
            lambda: self._log(child, end, ended_ms),
        ]
        if end.status == "failure" and end.failure is not None:
            text = traceback_text(end.failure)
            steps.append(lambda: self._log_text(child, text, "traceback.txt"))
        log = end.attachments.get(LOG)
        if log:
            steps.append(lambda: self._log_text(child, log, "log.txt"))
        return steps, lambda: self._end(child, STATUS[end.status], ended_ms)

    def discard(self, child: Child, ended_ms: int) -> None:
        """Delete the run of a lost attempt, and what the objective has nested in it.

        Args:
            child: The attempt's run.
            ended_ms: When it was lost, in milliseconds since the epoch.
        """
        with child.lock:
            self._find(child)
        if child.run is not None:
            self.discard_run(child.run, ended_ms)

    def discard_run(self, run: Any, ended_ms: int) -> None:
        """Delete a run, and what the objective has nested in it. See `discard`."""
        doomed = [run]
        for run in doomed:
            query = f"tags.`{PARENT_TAG}` = '{run.info.run_id}'"
            doomed.extend(self._store.find_runs(run.info.experiment_id, query))
        for run in reversed(doomed):  # what is nested first: a later try finds the rest
            self._store.delete_run(run.info.run_id, ended_ms)

    # -- one run ---------------------------------------------------------------------------

    def _ensure(self, child: Child) -> None:
        with child.lock:
            if child.run is None and not child.refused:
                try:
                    self.create(child)
                except StoreAwayError:
                    raise
                except Exception:
                    child.refused = True
                    raise

    def _find(self, child: Child) -> None:
        """Look for a run that an attempt without an answer, or the worker, may have created."""
        if child.run is not None or not child.may_exist:
            return
        parent = self._parent.ensure()
        query = (
            f"tags.fmin_uuid = '{self._fmin_uuid}' and tags.`hyperbridge.tid` = '{child.trial.tid}'"
        )
        runs = self._store.find_runs(parent.info.experiment_id, query)
        found = [run for run in runs if child.is_about(run)]
        if found:
            if PARENT_TAG not in found[0].data.tags:  # created before the parent run was
                self._store.log(found[0].info.run_id, tags={PARENT_TAG: parent.info.run_id})
            child.run = found[0]

    def _tags(self, child: Child, parent: Any) -> dict[str, str]:
        tags = dict(list(child.tags.items())[:_TAGS_AT_CREATION])
        return tags if parent is None else {**tags, PARENT_TAG: parent.info.run_id}

    def _log(self, child: Child, end: TrialEnd, ended_ms: int) -> None:
        if child.run is None:
            return
        record = ending_record(end, self._legalise)
        if child.is_left and child.run.data.tags.get(STATUS_TAG) == record.tags[STATUS_TAG]:
            return  # the tags come last, so all of it is there
        tags = {**dict(list(child.tags.items())[_TAGS_AT_CREATION:]), **record.tags}
        params, metrics, reports = record.params, record.metrics, record.reports
        if metrics or reports:  # a call that most objectives spare us: they return a loss alone
            params, metrics, reports = self._reconciled(child, record)
        points = [(name, value, ended_ms, 0) for name, value in metrics.items()]
        points += [("loss", value, at_ms, step) for step, value, at_ms in reports]
        if record.loss is not None and not _has_loss(child, record.loss):
            # The run shows the point of the highest step and, of several, of the latest time.
            last_step = max((step for step, *_ in reports), default=0)
            last_ms = max((at_ms + 1 for *_, at_ms in reports), default=0)
            points.append(("loss", record.loss, max(ended_ms, last_ms), last_step))
        try:
            self._store.log(_id_of(child), params=params, tags=tags, metrics=points)
        except StoreAwayError:
            raise
        except Exception:
            ours, *_ = self._reconciled(child, record)
            if ours == params:
                raise
            self._store.log(_id_of(child), params=ours, tags=tags, metrics=points)

    def _log_text(self, child: Child, text: str, name: str) -> None:
        if child.run is not None:
            self._store.log_text(_id_of(child), text, name)

    def _reconciled(
        self, child: Child, record: Record
    ) -> tuple[dict[str, str], dict[str, float], list[Report]]:
        """Leave to the objective the names that it has logged itself."""
        logged = self._store.get_run(_id_of(child)).data
        params = {
            name: value
            for name, value in record.params.items()
            if logged.params.get(name, value) == value
        }
        metrics = {
            name: value for name, value in record.metrics.items() if name not in logged.metrics
        }
        return params, metrics, [] if "loss" in logged.metrics else record.reports

    def _end(self, child: Child, status: str, ended_ms: int) -> None:
        if not child.refused:
            with child.lock:
                self._find(child)  # in a hurry the steps before this one are left out
        if child.run is not None:
            self._store.end_run(_id_of(child), status, ended_ms)


def _has_loss(child: Child, loss: float) -> bool:
    """Tell whether a call that was killed has logged the loss of the trial."""
    logged = child.run.data.metrics.get("loss") if child.is_left else None
    return logged is not None and (logged == loss or (logged != logged and loss != loss))


def _id_of(child: Child) -> str:
    return child.run.info.run_id  # type: ignore[no-any-return]
