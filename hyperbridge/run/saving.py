"""Keep a Trials object in a file that a kill at any instant leaves whole.

hyperopt rewrites its pickle in place after each batch. Here it is written beside and renamed when
a search begins and when it ends, and grows by each trial that ends in between.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

import cloudpickle
from hyperopt.base import JOB_STATE_RUNNING

from hyperbridge.documents import Document, Place, take_back
from hyperbridge.errors import InvalidArgumentError, ResultNotPicklableError
from hyperbridge.files.growing_pickle import GrowingPickle
from hyperbridge.files.locking import FileLock
from hyperbridge.files.pickles import load_trials
from hyperbridge.files.processes import this_process
from hyperbridge.files.replacing import check_replaceable, real_path
from hyperbridge.run.keeping import Earlier, KeptCall, Stream
from hyperbridge.worker.frames import safe_repr, safe_text

_ARGUMENT: Final = "trials_save_file"
KEPT: Final = "_hyperbridge_kept"
"""The attribute of a Trials object in the file that holds what only we read: a dict. While it is
there the object is being written, and is pickled as one that hyperopt alone can load."""

_OWN = (KEPT, "_dynamic_trials", "_trials", "_ids", "attachments")
_UNFINISHED = (None, "user", "error", "engine")
_PLAIN = (bool, int, float, str, bytes, type(None))


class TrialsFile:
    """The file of fmin's ``trials_save_file``.

    At each instant it is a pickle that hyperopt itself can load. Loading a pickle runs code: load
    only files that you trust. What a killed process was writing
    lies beside the file, under a name that begins with a dot; the next search removes it.

    Args:
        path: Where the Trials are kept; its folder must exist.

    Raises:
        InvalidArgumentError: The path cannot be a file's, or its folder cannot be written, or
            another search uses it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = real_path(path, _ARGUMENT)
        self.name = f"{_ARGUMENT} {str(self.path)!r}"
        self.place = Place(f"file {self.path}", is_shared=False)
        self._lock = FileLock(self.path, self.name)
        self._lock.acquire()
        try:
            check_replaceable(self.path, _ARGUMENT)
        except BaseException:
            self._lock.release()
            raise
        self._pickle = GrowingPickle(self.path)
        self._trials: Any = None
        self._documents: list[Document] = []
        self._attachments: Any = None
        self._kept: dict[str, Any] = {}
        self._positions: dict[int, int] = {}
        self._n_attachments = 0
        self._attributes: dict[str, int] = {}
        self._last: Document | None = None
        self._last_entries: list[dict[str, int]] = []
        self._stream: Stream | None = None
        self._is_behind = False
        self._has_changed = False

    def load(self) -> Earlier | None:
        """Return what is in the file; None when it is not there. See `Keeper.load`."""
        if not self.path.exists():
            return None
        try:
            trials = load_trials(self.path)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(
                f"{_ARGUMENT} {exc}. Move it away to start anew."
            ) from exc.__cause__
        kept = vars(trials).pop(KEPT, {})
        return Earlier(
            documents=list(trials._dynamic_trials),
            attachments=dict(trials.attachments),
            stream=kept.get("stream"),
            first_stream=kept.get("first_stream"),
            tracking=kept.get("tracking", {}),
            space=kept.get("space"),
            trials=trials,
            is_finished_here=kept.get("process") == this_process()
            and kept.get("ended") not in _UNFINISHED,
        )

    def check(self, result: dict[str, Any], attachments: dict[str, Any]) -> None:
        """Refuse what cannot be pickled. See `Keeper.check`."""
        for what, parts in (("result", result), ("attachments", attachments)):
            for key, part in parts.items():
                if type(part) in _PLAIN and type(key) is str:
                    continue
                try:
                    cloudpickle.dumps((key, part))
                except (Exception, SystemExit) as exc:
                    raise ResultNotPicklableError(
                        f"{what}[{safe_repr(key)}], a {type(part).__name__}, cannot be pickled "
                        f"for trials_save_file ({type(exc).__name__}: {safe_text(exc)}). Return "
                        "less, for example numbers, or store the object and return its path."
                    ) from exc

    def began(self, call: KeptCall, trials: Any) -> None:
        """Know the Trials; they are written with the first trial. See `Keeper.began`."""
        self._trials = trials
        self._stream = call.stream
        self._kept = {
            "first_stream": call.first_stream,
            "tracking": dict(call.tracking),
            "process": this_process(),
            "space": call.space,
            "ended": None,
        }
        if trials._dynamic_trials:
            self._has_changed = True

    def proposed(self, documents: Sequence[Document], stream: Stream | None) -> None:  # noqa: ARG002
        """Note where the search stands; the documents are written with the next trial that ends."""
        self._stream = stream

    def started(self, document: Document) -> None:
        """Do nothing: a trial that runs waits again in the next call."""

    def reported(self, document: Document, step: int, loss: float, at_ms: int) -> None:
        """Do nothing: the reports of a trial are in its document when that is final."""

    def tracked(self, facts: dict[str, str]) -> None:
        """Note it. See `Keeper.tracked`."""
        self._kept["tracking"] = facts
        self._is_behind = True
        self._write()

    def ended(self, document: Document, attachments: dict[str, Any]) -> None:
        """Write a document, and those that were proposed before it. See `Keeper.ended`."""
        self._has_changed = True
        if self._is_behind or not self._can_grow(document, attachments):
            self._write()
            return
        changes: list[tuple[Any, Any, Any]] = []
        last = self._last
        if last is not None and _entries_of(last) != self._last_entries:
            changes.append((self._documents, self._positions[id(last)], last))
        at = self._positions.get(id(document))
        if at is not None:
            changes.append((self._documents, at, document))
        first = len(self._positions)
        new = self._documents[first:]
        changes += [(self._documents, None, _waiting(each)) for each in new]
        prefix = self._trials.aname(document, "") if attachments else ""
        changes += [
            (self._attachments, prefix + name, value) for name, value in attachments.items()
        ]
        changes.append((self._kept, "stream", self._stream))
        self._is_behind = True  # until it is written
        self._pickle.add(changes)
        self._is_behind = False
        self._last, self._last_entries = document, _entries_of(document)
        self._know(new, first)

    def closed(self, reason: str | None) -> None:
        """Write all, as it stands in the end. See `Keeper.closed`."""
        self._kept["ended"] = reason
        if self._has_changed:
            self._write()
        self._pickle.close()

    def release(self) -> None:
        """Let other searches use the file. See `Keeper.release`."""
        self._pickle.close()
        self._lock.release()

    def _can_grow(self, document: Document, attachments: dict[str, Any]) -> bool:
        """Tell whether the file has what the Trials have, but for the last documents.

        A program may add to its Trials while they are searched. The entries of a document are
        compared when the next trial ends; what is changed later comes in the end.
        """
        there = self._trials._dynamic_trials
        if there is not self._documents or not self._pickle.is_intact():
            return False
        n_attachments = self._n_attachments + len(attachments)
        if len(self._attachments) > n_attachments or self._attributes != _marks(vars(self._trials)):
            return False
        at = self._positions.get(id(document))
        is_at_its_place = at is None or (at < len(there) and there[at] is document)
        return is_at_its_place and len(there) >= len(self._positions)

    def _write(self) -> None:
        """Replace the file by all that is known."""
        trials = self._trials
        self._documents, self._attachments = trials._dynamic_trials, trials.attachments
        self._kept["stream"] = self._stream
        self._is_behind = True
        vars(trials)[KEPT] = self._kept
        try:
            self._pickle.write(trials, self._documents, self._attachments, self._kept)
        finally:
            del vars(trials)[KEPT]
        self._positions = {}
        self._last = None
        self._attributes = _marks(vars(trials))
        self._know(self._documents, 0)
        running = [
            (self._documents, at, _waiting(each))
            for at, each in enumerate(self._documents)
            if each["state"] == JOB_STATE_RUNNING
        ]
        if running and self._pickle.is_growing:
            self._pickle.add(running)
        self._is_behind = False

    def _know(self, documents: Sequence[Document], first: int) -> None:
        self._positions.update((id(each), first + i) for i, each in enumerate(documents))
        self._n_attachments = len(self._attachments)


def _marks(values: dict[str, Any]) -> dict[str, int]:
    """Return what tells whether a value was set anew, apart from what is compared elsewhere."""
    return {name: id(value) for name, value in values.items() if name not in _OWN}


def _entries_of(document: Document) -> list[dict[str, int]]:
    return [_marks(part) for part in (document, document["misc"], document["result"])]


def _waiting(document: Document) -> Document:
    """Return a document as it is to be found if this process dies now: hyperopt runs it then."""
    if document["state"] != JOB_STATE_RUNNING:
        return document
    waiting = {**document, "misc": dict(document["misc"])}
    take_back(waiting)
    return waiting
