"""Documents as plain data, for JSON and tables, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, Final

from hyperbridge.documents import COMMAND, Document, misc_of, new_document
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.history import History, state_of
from hyperbridge.history.plain_values import LEFT_OUT, Losses

Plain = dict[str, Any]
"""A document as plain data, see `plain_documents`."""

_OWN_MISC: Final = frozenset({"tid", "cmd", "workdir", "idxs", "vals"})
_BESIDE: Final = ("exp_key", "owner", "version", "spec")
_KNOWN: Final = frozenset({"tid", "state", "result", "misc", "book_time", "refresh_time", *_BESIDE})
_DEFAULTS: Final = {"exp_key": None, "owner": None, "version": 0, "spec": None}


def plain_documents(history: History, target: str) -> list[Plain]:
    """Return the documents of a history as plain data, what that cannot hold left out.

    Each has ``tid``, ``state`` (in words), ``hyperopt_state`` (hyperopt's number of it), ``status``
    and ``loss`` of the result, ``started`` and ``ended`` (UTC), ``values`` by label, ``choices``
    (the text of the chosen option by label, where the space is known), ``result`` (what else it
    holds), ``misc`` (what else that holds) and ``more`` (what is not as it mostly is).

    Args:
        history: It gets a remark for each thing that is lost.
        target: What remarks call the target.
    """
    losses = Losses(target)
    found = [_plain_document(document, history, losses) for document in history.documents]
    losses.say(history)
    if history.attachments:
        history.remark(f"{target} has no attachments: {len(history.attachments)} are left out")
    return found


def _plain_document(document: Document, history: History, losses: Losses) -> Plain:
    misc = document["misc"]
    values: Plain = {}
    for label, given in misc["vals"].items():
        if len(given) > 1:
            losses.leave_out(f"label {label!r}", "label with several values")
            continue
        for value in given:
            _put(values, label, losses.plain(value, f"label {label!r}"))
    result: Plain = {}
    for key, value in document["result"].items():
        _put(result, str(key), losses.plain(value, f"result[{key!r}]"))
    extra: Plain = {}
    for key, value in misc.items():
        if key not in _OWN_MISC:
            given = list(value) if key == "error" and isinstance(value, tuple) else value
            _put(extra, str(key), losses.plain(given, f"misc[{key!r}]"))
    more: Plain = {}
    for key, default in _DEFAULTS.items():
        if document.get(key) != default:
            _put(more, key, losses.plain(document[key], f"entry {key!r}"))
    if misc.get("cmd") != COMMAND:
        cmd = misc.get("cmd")
        given = list(cmd) if isinstance(cmd, tuple) else cmd
        _put(more, "cmd", losses.plain(given, "misc['cmd']"))
    if misc.get("workdir") is not None:
        _put(more, "workdir", losses.plain(misc["workdir"], "misc['workdir']"))
    for key, value in document.items():
        if key not in _KNOWN and value is not None:
            losses.leave_out(f"entry {key!r}", "document with an entry that is not hyperopt's")
    return {
        "tid": losses.plain(document["tid"], "entry 'tid'"),
        "state": state_of(document),
        "hyperopt_state": document["state"],
        "status": result.pop("status", None),
        **({"loss": result.pop("loss")} if "loss" in result else {}),
        "started": _time_text(document.get("book_time")),
        "ended": _time_text(document.get("refresh_time")),
        "values": values,
        "choices": {} if history.space is None else history.space.decode(values),
        "result": result,
        "misc": extra,
        "more": more,
    }


def _put(found: Plain, key: str, value: Any) -> None:
    if value is not LEFT_OUT:
        found[key] = value


def documents_from(plain: Iterable[Mapping[str, Any]], labels: Iterable[str]) -> list[Document]:
    """Return the documents of plain data.

    Args:
        plain: From `plain_documents`.
        labels: All labels, in the order that documents are to have.

    Raises:
        InvalidArgumentError: An entry is missing, or is none that can be.
    """
    labels = list(labels)
    documents = []
    for position, each in enumerate(plain):
        try:
            documents.append(_document_from(each, labels))
        except (LookupError, TypeError, ValueError, AttributeError) as exc:
            raise InvalidArgumentError(
                f"trial {position} cannot be read ({type(exc).__name__}: {exc})"
            ) from exc
    return documents


def _document_from(plain: Mapping[str, Any], labels: list[str]) -> Document:
    more = dict(plain["more"])
    misc = misc_of(plain["tid"], plain["values"], labels)
    if "cmd" in more:
        cmd = more.pop("cmd")
        misc["cmd"] = tuple(cmd) if isinstance(cmd, list) else cmd
    misc["workdir"] = more.pop("workdir", None)
    misc.update(plain["misc"])
    if isinstance(misc.get("error"), list):
        misc["error"] = tuple(misc["error"])
    result = dict(plain["result"])
    if plain.get("status") is not None:
        result["status"] = plain["status"]
    if "loss" in plain:
        result["loss"] = plain["loss"]
    document = new_document(plain["tid"], misc, None)
    document.update(more)
    document.update(
        state=int(plain["hyperopt_state"]),
        result=result,
        book_time=_time_from(plain["started"]),
        refresh_time=_time_from(plain["ended"]),
    )
    return document


def _time_text(time: Any) -> str | None:
    """Return a time of a document, which is in UTC, as ISO 8601 writes it."""
    if not isinstance(time, datetime):
        return None
    if time.tzinfo is not None:
        time = time.astimezone(timezone.utc).replace(tzinfo=None)
    return f"{time.isoformat()}Z"


def _time_from(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text.removesuffix("Z"))
