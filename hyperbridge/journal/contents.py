"""What a journal says: calls of fmin, the documents as they were last, and what goes with them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from hyperopt.base import JOB_STATE_NEW, JOB_STATE_RUNNING

from hyperbridge.documents import Document, Report, take_back
from hyperbridge.journal.documents import decode_document
from hyperbridge.journal.lines import Record, Torn
from hyperbridge.journal.values import decode


@dataclass
class Contents:
    """What the records of a journal come to.

    Attributes:
        written_by: What wrote its first record, such as ``hyperbridge 0.1.0``.
        calls: The calls of fmin, as their records say; ``closed`` is that of the end, if any.
        documents: All trials in the order in which they came; one that was running when its
            process died is still in state RUNNING.
        attachments: By the names that ``Trials.attachments`` has them under.
        stream: Where the search stood after the last proposal, or when its last call began; None
            where it could not say.
        first_stream: Where it stood when it began, as the last call has it.
        tracking: What the MLflow tracker has noted.
        reports: Those of the trials that have not ended, as they came, by trial id.
        torn: The last line, if it was cut off.
    """

    written_by: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    attachments: dict[str, Any] = field(default_factory=dict)
    stream: dict[str, Any] | None = None
    first_stream: dict[str, Any] | None = None
    tracking: dict[str, str] = field(default_factory=dict)
    reports: dict[Any, list[Report]] = field(default_factory=dict)
    torn: Torn | None = None


_TEXT_OR_NONE: Final = (str, type(None))

_KEYS: Final[dict[str, dict[str, type | tuple[type, ...]]]] = {
    "call": {
        "process": str,
        "space": dict,
        "objective": dict,
        "backend": str,
        "algo": str,
        "max_evals": (int, type(None)),
        "first_stream": _TEXT_OR_NONE,
        "stream": _TEXT_OR_NONE,
    },
    "brought": {"trial": dict},
    "proposed": {"trials": list, "stream": _TEXT_OR_NONE},
    "started": {"tid": object, "book_time": object},
    "reported": {"tid": object, "step": int, "loss": float},
    "ended": {"trial": dict},
    "tracked": {"facts": dict},
    "closed": {"reason": _TEXT_OR_NONE},
}
"""What each event says, and as what."""

_LAST_MS: Final = 253_402_300_799_999
"""The end of the year 9999."""


class Reader:
    """Makes the contents of records, which are taken in order, from the second one of a file on.

    Attributes:
        contents: What they come to so far.
        line: The line of the last record that was taken.
    """

    def __init__(self) -> None:
        self.contents = Contents()
        self.line = 1
        self._stream_line = 1
        self._by_tid: dict[Any, Document] = {}
        self._stream: str | None = None
        self._events = {
            "call": self._call,
            "brought": self._brought,
            "proposed": self._proposed,
            "started": self._started,
            "reported": self._reported,
            "ended": self._ended,
            "tracked": self._tracked,
            "closed": self._closed,
        }

    def take(self, record: Record) -> None:
        """Take a record.

        Raises:
            ValueError: It says what a journal does not say.
        """
        self.line += 1
        event = record.get("event")
        take = self._events.get(event) if isinstance(event, str) else None
        if take is None:
            raise ValueError(f"there is no event {event!r}")
        try:
            if not 0 <= record["at"] <= _LAST_MS:
                raise TypeError(f"at {record['at']!r}")
            for key, kind in _KEYS[str(event)].items():
                if not isinstance(record[key], kind):
                    raise TypeError(f"{key} is a {type(record[key]).__name__}")
            take(record)
        except (KeyError, TypeError, AttributeError) as exc:
            raise ValueError(
                f"the event {event!r} is not as it should be ({type(exc).__name__}: {exc})"
            ) from exc

    def finish(self, torn: Torn | None) -> Contents:
        """Return the contents, when all records are taken.

        Raises:
            ValueError: Where the search stood makes no sense.
        """
        self.contents.torn = torn
        self.line = self._stream_line
        self.contents.stream = _stream(self._stream)
        return self.contents

    def _call(self, record: Record) -> None:
        _check_texts(record["space"])
        _check_texts({name: record["objective"][name] for name in ("name", "code")})
        call = {key: value for key, value in record.items() if key != "event"}
        self.contents.first_stream = _stream(call.pop("first_stream"))
        self._stream, self._stream_line = call.pop("stream"), self.line
        self.contents.calls.append(call)

    def _brought(self, record: Record) -> None:
        self._add(record["trial"])
        self._attach(record)

    def _proposed(self, record: Record) -> None:
        for part in record["trials"]:
            self._add(part)
        self._stream, self._stream_line = record["stream"], self.line

    def _add(self, part: dict[str, Any]) -> None:
        document = decode_document(part)
        before = self._by_tid.get(document["tid"])
        if before is not None and before["state"] in (JOB_STATE_NEW, JOB_STATE_RUNNING):
            index = next(i for i, each in enumerate(self.contents.documents) if each is before)
            del self.contents.documents[index]  # it was given up, and its id has another trial
        self._by_tid[document["tid"]] = document
        self.contents.documents.append(document)

    def _attach(self, record: Record) -> None:
        for name, value in record.get("attachments", {}).items():
            self.contents.attachments[attachment_name(record["trial"]["tid"], name)] = value

    def _started(self, record: Record) -> None:
        document = self._known(record["tid"])
        at = record["book_time"]
        take_back(document)
        document.update(state=JOB_STATE_RUNNING, book_time=at, refresh_time=at)
        if "attempt" in record:
            if type(record["attempt"]) is not int:
                raise TypeError("attempt is no number")
            document["misc"]["attempts"] = record["attempt"]
        self.contents.reports.pop(record["tid"], None)

    def _reported(self, record: Record) -> None:
        reports = self.contents.reports.setdefault(self._known(record["tid"])["tid"], [])
        reports.append((record["step"], record["loss"], record["at"]))

    def _ended(self, record: Record) -> None:
        part = record["trial"]
        document = self._known(part["tid"])
        after = decode_document(part, document)
        document.clear()
        document.update(after)
        self._attach(record)
        self.contents.reports.pop(part["tid"], None)

    def _tracked(self, record: Record) -> None:
        _check_texts(record["facts"])
        self.contents.tracking.update(record["facts"])

    def _closed(self, record: Record) -> None:
        if self.contents.calls:
            self.contents.calls[-1]["closed"] = {"at": record["at"], "reason": record["reason"]}

    def _known(self, tid: Any) -> Document:
        try:
            return self._by_tid[tid]
        except KeyError:
            raise ValueError(f"trial {tid!r} was not proposed before") from None


def contents_of(records: Iterable[Record]) -> Contents:
    """Return what records come to.

    Examples:
        >>> contents_of([{"event": "closed", "at": 0, "reason": None}]).documents
        []
    """
    reader = Reader()
    for record in records:
        reader.take(record)
    return reader.finish(None)


def attachment_name(tid: Any, name: Any) -> str:
    """Return the name that an attachment of a trial has in ``Trials.attachments``."""
    return f"ATTACH::{tid}::{name}"


def _check_texts(values: dict[str, Any]) -> None:
    if not all(type(value) is str for value in values.values()):
        raise TypeError("something that should be a text is none")


def _stream(text: str | None) -> dict[str, Any] | None:
    """Return where a search stood: a text until now, since only the last one is asked for."""
    if text is None:
        return None
    stream = json.loads(text, object_hook=decode)
    if not isinstance(stream, dict) or type(stream.get("n_ids")) is not int:
        raise ValueError("a stream is not as it should be")
    return stream
