"""A trial as Tune and the Run see it, and which is which when an experiment is continued."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR

from hyperbridge.backends.ray.records import Saved
from hyperbridge.backends.ray.results import metrics_of
from hyperbridge.documents import Document, Trial

OVER = (JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_CANCEL)
"""The states of documents that have ended."""


@dataclass
class Flight:
    """A trial that Tune has and that is not over.

    Attributes:
        trial: The Run's trial; None for one that is only shown to Tune again.
        tokens: The observers' tokens, when they are there.
        replay: The metrics of a trial that ended before the experiment was interrupted.
        actor: The actor that runs it, when it does.
        tune_trial: Tune's own, once it has been started.
        starts: How often it has been started.
    """

    trial: Trial | None
    tokens: Future[list[bytes | None]] | None = None
    replay: dict[str, Any] | None = None
    actor: Any = None
    tune_trial: Any = None
    starts: int = 0


@dataclass
class Takeover:
    """What becomes of the trials of an experiment that is continued.

    Attributes:
        again: Trials of the Run by the Tune trial that runs them again.
        shown: Flights of Tune's trials that have ended already, but Tune does not know it.
        replays: Documents of ended trials that Tune's last saved state has not got.
    """

    again: dict[str, Trial] = field(default_factory=dict)
    shown: dict[str, Flight] = field(default_factory=dict)
    replays: list[Document] = field(default_factory=list)


def take_over(tune_trials: list[Any], saved: Saved, waiting: list[Trial]) -> Takeover:
    """Match the trials that Tune has restored with those that the Run has.

    Args:
        tune_trials: Tune's.
        saved: What was recorded; Tune's own state may be older.
        waiting: Trials that the Run wants to be run.
    """
    found = Takeover()
    documents = {document["tid"]: document for document in saved.documents}
    asked = {trial.tid: trial for trial in waiting}
    for trial in tune_trials:
        tid = saved.tids.get(trial.trial_id)
        if trial.is_finished():
            continue
        if tid in asked:
            found.again[trial.trial_id] = asked.pop(tid)
        else:
            shown = {} if tid is None else metrics_of(documents[tid])
            found.shown[trial.trial_id] = Flight(None, replay=shown)
    known = {trial.trial_id for trial in tune_trials}
    for trial_id, tid in saved.tids.items():
        if trial_id not in known and documents[tid]["state"] in (JOB_STATE_DONE, JOB_STATE_ERROR):
            found.replays.append(documents[tid])
    return found
