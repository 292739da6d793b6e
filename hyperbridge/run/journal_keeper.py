"""A search kept in a journal: what happens to it becomes a record, and each record is appended."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from hyperopt.base import JOB_STATE_NEW, JOB_STATE_RUNNING

from hyperbridge.documents import Document, Place, attempt_of
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.journal import events
from hyperbridge.journal.choice import Journal
from hyperbridge.journal.contents import Contents
from hyperbridge.journal.documents import change_of, core_of, rest_of, text_of
from hyperbridge.journal.file import JournalFile
from hyperbridge.journal.lines import Record
from hyperbridge.journal.values import Loss
from hyperbridge.run.keeping import Earlier, KeptCall, Stream
from hyperbridge.run.objective_identity import objective_difference
from hyperbridge.search import identity

logger = logging.getLogger(__name__)

_UNFINISHED: Final = (JOB_STATE_NEW, JOB_STATE_RUNNING)


class JournalKeeper:
    """Keeps a search in a journal. See `hyperbridge.run.keeping.Keeper`.

    Args:
        journal: Where, and what becomes of one of another search.
        space: The texts of this search's space, see `hyperbridge.search.identity`.
        objective: What identifies this search's objective, see `objective_identity`.

    Raises:
        InvalidArgumentError: The path cannot be a file's.
    """

    def __init__(self, journal: Journal, space: dict[str, str], objective: dict[str, str]) -> None:
        self._file = JournalFile(journal.path)
        self._goes_on = journal.if_different == "continue"
        self._space = space
        self._objective = objective
        self.name = self._file.name
        self.place = Place(f"file {self._file.path}", is_shared=False)
        self._states: dict[Any, int] = {}
        self._cores: dict[Any, str] = {}
        self._ended: dict[Any, tuple[Document, dict[str, Any]]] = {}
        self._n_documents = 0
        self._trials: Any = None
        self._tracking: dict[str, str] = {}
        self._told: set[str] = set()

    def load(self) -> Earlier | None:
        """Lock the journal and return what it says.

        Raises:
            InvalidArgumentError: Another process has it, it cannot be read or written, or it is of
                another space or objective.
        """
        contents = self._file.open()
        if contents is None:
            return None
        self._check_same(contents)
        self._states = {d["tid"]: d["state"] for d in contents.documents}
        self._tracking = dict(contents.tracking)
        if not contents.documents and not contents.calls:
            return None
        return Earlier(
            documents=contents.documents,
            attachments=contents.attachments,
            stream=contents.stream,
            first_stream=contents.first_stream,
            tracking=contents.tracking,
        )

    def _check_same(self, contents: Contents) -> None:
        """Refuse, or warn of, a journal of another space or objective."""
        if not contents.calls:
            return
        last = contents.calls[-1]
        found = [
            identity.difference(last["space"], self._space),
            objective_difference(last["objective"], self._objective),
        ]
        texts = [text for text in found if text is not None]
        if not texts:
            return
        what = "; ".join(texts)
        if self._goes_on:
            logger.warning("%s is of another search (%s), and is continued", self.name, what)
            return
        raise InvalidArgumentError(
            f"{self.name} is of another search: {what}. Use another file for a new search, or say "
            "that it is the same one: journal=hyperbridge.Journal(path, if_different='continue'), "
            "or --journal-if-different continue on the command line."
        )

    def check(self, result: dict[str, Any], attachments: dict[str, Any]) -> None:
        """Refuse nothing: what plain data cannot hold is marked, see `ended`."""

    def began(self, call: KeptCall, trials: Any) -> None:
        """Write that a call begins, and the trials that it begins with and that are not there.

        Raises:
            InvalidArgumentError: Nothing can be written there, or the journal has trials that
                ``trials`` lack.
        """
        self._trials = trials
        self._check_complete(trials)
        self._look_for_ended()  # in a call without the journal
        begun = events.call(
            space=call.space,
            objective=call.objective,
            backend=call.backend,
            algo=call.algo,
            max_evals=call.max_evals,
            first_stream=call.first_stream,
            stream=call.stream,
        )
        records = []
        if call.tracking and call.tracking != self._tracking:
            records.append(events.tracked(call.tracking))
        try:
            self._file.add([begun])
            self._write(records, sync=True)
        except OSError as exc:
            raise InvalidArgumentError(
                f"{self.name} cannot be written ({exc}). Free some space, or use another path."
            ) from exc

    def _check_complete(self, trials: Any) -> None:
        """Refuse Trials without some that have ended: their ids would be given out again."""
        ended = (tid for tid, state in self._states.items() if state not in _UNFINISHED)
        missing = set(ended).difference(document["tid"] for document in trials._dynamic_trials)
        if missing:
            raise InvalidArgumentError(
                f"{self.name} has {len(missing)} trials that the Trials object of this search "
                "lacks. Use another file for a new search, or remove this one."
            )

    def proposed(self, documents: Sequence[Document], stream: Stream | None) -> None:
        """Write new trials, and where the seeds stand after them."""
        cores = {document["tid"]: core_of(document, self._lost) for document in documents}
        parts = [{**cores[d["tid"]], **rest_of(d, self._lost)} for d in documents]
        self._write([events.proposed(parts, stream)], new=documents)
        self._cores.update((tid, text_of(core)) for tid, core in cores.items())

    def started(self, document: Document) -> None:
        """Write that an attempt at a trial begins."""
        self._write([events.started(document, attempt_of(document))])

    def reported(self, document: Document, step: int, loss: float, at_ms: int) -> None:
        """Write a report."""
        self._write([events.reported(document["tid"], step, loss, at_ms)])

    def ended(self, document: Document, attachments: dict[str, Any]) -> None:
        """Write a document that is final; what a journal cannot hold is warned of, by its key."""
        self._ended[document["tid"]] = document, attachments
        self._write([], sync=True)

    def tracked(self, facts: dict[str, str]) -> None:
        """Write where the call is tracked."""
        self._tracking.update(facts)
        self._write([events.tracked(facts)], sync=True)

    def closed(self, reason: str | None) -> None:
        """Write why the call ended, and what is missing."""
        self._look_for_ended()  # an interrupt may have come before `ended`
        self._write([events.closed(reason)], sync=True)

    def release(self) -> None:
        """Unlock the journal."""
        self._file.release()

    def _write(
        self, records: list[Record], *, new: Sequence[Document] = (), sync: bool = False
    ) -> None:
        """Write records, behind those of trials that are not there yet, or have ended since.

        Args:
            records: Of the present event.
            new: The documents that they tell of for the first time.
            sync: See `JournalFile.flush`.
        """
        brought = self._brought(new)
        first = [record for record, _ in brought]
        states = {d["tid"]: d["state"] for d in (*new, *(document for _, document in brought))}
        for tid, (document, attachments) in self._ended.items():
            if tid not in states:
                trial = change_of(document, self._cores.get(tid), self._lost)
                first.append(events.ended(trial, attachments, self._lost))
                states[tid] = document["state"]
        n_documents = len(self._trials._dynamic_trials)
        self._file.add([*first, *records])
        self._states.update(states)
        self._n_documents = n_documents
        for tid in self._ended:
            self._cores.pop(tid, None)
        self._ended = {}
        self._file.flush(sync=sync)

    def _brought(self, new: Sequence[Document]) -> list[tuple[Record, Document]]:
        """Return records of trials that came into the Trials object by other ways.

        These are the ones that it had before, and those of ``ctrl.inject_results``.
        """
        documents = self._trials._dynamic_trials
        if len(documents) == self._n_documents + len(new):
            return []
        known = set(self._states).union(document["tid"] for document in new)
        attachments = _attachments_by_tid(self._trials)
        return [
            (events.brought(each, attachments.get(str(each["tid"]), {}), self._lost), each)
            for each in documents
            if each["tid"] not in known
        ]

    def _look_for_ended(self) -> None:
        """Note the trials that have ended without a word."""
        attachments = _attachments_by_tid(self._trials)
        for document in self._trials._dynamic_trials:
            tid = document["tid"]
            if self._states.get(tid) in _UNFINISHED and document["state"] not in _UNFINISHED:
                self._ended.setdefault(tid, (document, attachments.get(str(tid), {})))

    def _lost(self, where: str, loss: Loss) -> None:
        """Warn once of what a key loses."""
        if where in self._told:
            return
        self._told.add(where)
        if loss.kept_as is not None:
            logger.warning(
                "%s: %s has a %s, of which a %s is kept", self.name, where, loss.type_name,
                loss.kept_as,
            )  # fmt: skip
            return
        logger.warning(
            "%s: %s has a %s, which plain data cannot hold; the rest is kept. Use "
            "trials_save_file, which pickles it, or store the object and return its path.",
            self.name, where, loss.type_name,
        )  # fmt: skip


def _attachments_by_tid(trials: Any) -> dict[str, dict[str, Any]]:
    """Return the attachments of the trials, by the text of their id, and by name."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for full_name, value in dict(trials.attachments).items():
        parts = full_name.split("::", 2) if isinstance(full_name, str) else []
        if len(parts) == 3 and parts[0] == "ATTACH":
            found[parts[1]][parts[2]] = value
    return found
