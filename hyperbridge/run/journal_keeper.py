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
        records = [
            events.call(
                space=call.space,
                objective=call.objective,
                backend=call.backend,
                algo=call.algo,
                max_evals=call.max_evals,
                first_stream=call.first_stream,
                stream=call.stream,
            ),
            *self._brought(),
        ]
        if call.tracking and call.tracking != self._tracking:
            records.append(events.tracked(call.tracking))
        try:
            self._file.append(records, sync=True)
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
        records = self._brought(besides=documents)
        parts = []
        for document in documents:
            core = core_of(document, self._lost)
            self._cores[document["tid"]] = text_of(core)
            self._states[document["tid"]] = document["state"]
            parts.append({**core, **rest_of(document, self._lost)})
        self._file.append([*records, events.proposed(parts, stream)], sync=False)

    def started(self, document: Document) -> None:
        """Write that an attempt at a trial begins."""
        record = events.started(document, attempt_of(document))
        self._file.append([*self._brought(), record], sync=False)

    def reported(self, document: Document, step: int, loss: float, at_ms: int) -> None:
        """Write a report."""
        self._file.append([events.reported(document["tid"], step, loss, at_ms)], sync=False)

    def ended(self, document: Document, attachments: dict[str, Any]) -> None:
        """Write a document that is final; what a journal cannot hold is warned of, by its key."""
        self._file.append([*self._brought(), self._ended(document, attachments)], sync=True)

    def tracked(self, facts: dict[str, str]) -> None:
        """Write where the call is tracked."""
        self._tracking.update(facts)
        self._file.append([events.tracked(facts)], sync=True)

    def closed(self, reason: str | None) -> None:
        """Write why the call ended, and what is missing."""
        self._file.append([*self._brought(), events.closed(reason)], sync=True)

    def release(self) -> None:
        """Unlock the journal."""
        self._file.release()

    def _ended(self, document: Document, attachments: dict[str, Any]) -> Record:
        tid = document["tid"]
        trial = change_of(document, self._cores.pop(tid, None), self._lost)
        self._states[tid] = document["state"]
        return events.ended(trial, attachments, self._lost)

    def _brought(self, besides: Sequence[Document] = ()) -> list[Record]:
        """Return records of the trials that came into the Trials object by other ways.

        These are the ones that it had before, and those of ``ctrl.inject_results``.
        """
        documents = self._trials._dynamic_trials
        if len(documents) == self._n_documents + len(besides):
            self._n_documents = len(documents)
            return []
        self._n_documents = len(documents)
        known = set(self._states).union(document["tid"] for document in besides)
        attachments = _attachments_by_tid(self._trials)
        records = []
        for document in documents:
            tid = document["tid"]
            own = attachments.get(str(tid), {})
            if tid not in known:
                self._states[tid] = document["state"]
                records.append(events.brought(document, own, self._lost))
            elif self._states.get(tid) in _UNFINISHED and document["state"] not in _UNFINISHED:
                records.append(self._ended(document, own))  # it ended in another call
        return records

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
