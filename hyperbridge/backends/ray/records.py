"""The documents of an experiment's trials, from which an interrupted search is continued.

Tune saves its own state every ten seconds or less often. Beside it each trial's document is
written when the trial is proposed and when it has ended, so that a kill at any instant loses
the trials that were running and no others.
"""

from __future__ import annotations

import copy
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import cloudpickle
import pyarrow
from hyperopt import base

from hyperbridge.backends.ray.storage import ExperimentFolder
from hyperbridge.documents import Document, assignment_of, know_ids, take_back
from hyperbridge.history.ray_folder import saved_records

logger = logging.getLogger(__name__)


@dataclass
class Saved:
    """What an earlier run of an experiment left.

    Attributes:
        documents: Every document, in the order of the ids.
        attachments: Their attachments by tid.
        tids: The trial ids of hyperopt by those of Tune.
    """

    documents: list[Document] = field(default_factory=list)
    attachments: dict[int, dict[str, Any]] = field(default_factory=dict)
    tids: dict[str, int] = field(default_factory=dict)


def load_records(folder: ExperimentFolder) -> Saved:
    """Read what an earlier run left. Unpickling runs code, as it does for Tune's own files."""
    saved = Saved()
    names = folder.list_names(folder.inner())
    for tid, trial_id, document, attachments in saved_records(names, folder.read):
        saved.documents.append(document)
        saved.attachments[tid] = attachments
        saved.tids[trial_id] = tid
    return saved


class TrialRecords:
    """Writes the documents of trials into an experiment's folder, on a thread of its own.

    Args:
        folder: Where to.
    """

    def __init__(self, folder: ExperimentFolder) -> None:
        self._folder = folder
        self._has_warned = False
        self._pool = ThreadPoolExecutor(1, "hyperbridge-ray-records")

    def put(self, trial_id: str, document: Document, attachments: dict[str, Any]) -> None:
        """Write a document as it is now."""
        is_over = document["state"] not in (base.JOB_STATE_NEW, base.JOB_STATE_RUNNING)
        name = f"{document['tid']}.{'end' if is_over else 'start'}"
        try:
            content = cloudpickle.dumps((trial_id, document, attachments))
        except Exception as exc:  # noqa: BLE001 - pickling a user's object may raise anything
            self._warn(f"trial {document['tid']} cannot be pickled: {exc}")
            return
        self._pool.submit(self._write, name, content)

    def _write(self, name: str, content: bytes) -> None:
        try:
            self._folder.write(name, content)
        except (OSError, pyarrow.lib.ArrowException) as exc:
            self._warn(str(exc))

    def _warn(self, reason: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "Backend 'ray': a trial is not written to %s (%s). If the experiment is continued "
                "from there, the trial runs again.",
                self._folder.inner(),
                reason,
            )

    def close(self) -> None:
        """Write what is left."""
        self._pool.shutdown()


def fill_trials(trials: Any, saved: Saved) -> list[Document]:
    """Bring saved documents into a Trials object; those that ran are to be run again.

    Args:
        trials: It may have some of them already: kept from the earlier call, or loaded from a
            ``trials_save_file``. A document that ended later than that is brought up to date,
            and one that is cancelled because the call was cut off waits to be run again.
        saved: What there is.

    Returns:
        The documents that the Trials object did not have.

    Raises:
        ValueError: A document of the Trials is another trial than the saved one of its id.
    """
    present = {document["tid"]: document for document in trials._dynamic_trials}
    brought, stored = [], []
    for document in copy.deepcopy(saved.documents):
        if document["state"] == base.JOB_STATE_RUNNING:
            take_back(document)
        document["exp_key"] = trials._exp_key
        mine = present.get(document["tid"])
        if mine is None:
            brought.append(document)
            stored.append(document)
        elif assignment_of(mine) != assignment_of(document):
            raise ValueError(f"trial {document['tid']} has other values in the Trials object")
        elif mine["state"] not in (base.JOB_STATE_DONE, base.JOB_STATE_ERROR):
            mine.update(document)  # its result and misc too, which say that it was cancelled
            stored.append(mine)
    trials._insert_trial_docs(brought)
    trials.refresh()
    know_ids(trials)
    for document in stored:
        store = base.Trials.trial_attachments(trials, document)
        for name, content in saved.attachments[document["tid"]].items():
            store[name] = content
    return brought
