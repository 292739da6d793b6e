"""A trial that Tune has, and which trial of the FminRun it is when an experiment is continued."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR

from hyperbridge.backends.ray.records import Saved
from hyperbridge.backends.ray.results import metrics_of
from hyperbridge.documents import Document, Trial

FINAL_STATES = (JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_CANCEL)
"""The states of documents whose trial has ended."""


@dataclass
class Dispatched:
    """A trial that Tune has and that has not finished.

    Attributes:
        trial: The FminRun's trial; None for one that finished before the experiment was interrupted
            and that only Tune has still to hear of.
        tokens: The observers' tokens, when they are there.
        known: The metrics of a trial that finished before.
        actor: The actor that runs it, once there is one.
        tune_trial: Tune's own, once it has been started.
        starts: How often it has been started.
        deadline: When it will have run for longer than its limit, by the monotonic clock; None
            when it has no limit, or does not run yet.
    """

    trial: Trial | None
    tokens: Future[list[bytes | None]] | None = None
    known: dict[str, Any] | None = None
    actor: Any = None
    tune_trial: Any = None
    starts: int = 0
    deadline: float | None = None


@dataclass
class Restored:
    """What becomes of the trials of an experiment that is continued.

    Attributes:
        again: The FminRun's trials that are run again, by the id of Tune's trial that runs them.
        finished: Tune's trials that have finished, of which Tune does not know it.
        missing: Documents of finished trials that Tune's last saved state does not have.
    """

    again: dict[str, Trial] = field(default_factory=dict)
    finished: dict[str, Dispatched] = field(default_factory=dict)
    missing: list[Document] = field(default_factory=list)


def match_restored(tune_trials: list[Any], saved: Saved, waiting: list[Trial]) -> Restored:
    """Match the trials that Tune has restored with those that the FminRun has.

    Args:
        tune_trials: Tune's.
        saved: What was recorded; Tune's own state may be older.
        waiting: Trials that the FminRun wants to be run.
    """
    found = Restored()
    documents = {document["tid"]: document for document in saved.documents}
    asked = {trial.tid: trial for trial in waiting}
    for trial in tune_trials:
        tid = saved.tids.get(trial.trial_id)
        if trial.is_finished():
            continue
        if tid in asked:
            found.again[trial.trial_id] = asked.pop(tid)
        else:
            known = {} if tid is None else metrics_of(documents[tid])
            found.finished[trial.trial_id] = Dispatched(None, known=known)
    ids = {trial.trial_id for trial in tune_trials}
    for trial_id, tid in saved.tids.items():
        if trial_id not in ids and documents[tid]["state"] in (JOB_STATE_DONE, JOB_STATE_ERROR):
            found.missing.append(documents[tid])
    return found
