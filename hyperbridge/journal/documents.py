"""Documents of hyperopt as parts of records, without what follows from the rest.

A trial is ``{"tid", "vals", ...}`` when it is proposed, and ``{"tid", "document", "misc", ...}``
when it has ended; what was proposed is not said again unless it has changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from hyperopt.base import JOB_STATES

from hyperbridge.documents import COMMAND, Document, new_document
from hyperbridge.journal.values import Loss, encode

Part = dict[str, Any]
"""What a record says of a trial."""

OnLoss = Callable[[str, Loss], None]
"""Told of what a record does not hold: where, such as ``result['model']``, and what."""

_CORE: Final = ("tid", "cmd", "workdir", "idxs", "vals")
"""The keys of ``misc`` that are there from the start."""

_SIMPLE: Final = (int, str, np.int64, type(None))

_DEFAULTS: Final = {
    name: value
    for name, value in new_document(0, {}, None).items()
    if name not in ("tid", "misc", "result")
}


def encode_named(prefix: str, values: Any, on_loss: OnLoss) -> Any:
    """Return a dict of values encoded; each loss is told with its key."""
    losses: list[Loss] = []
    encoded = encode(values, losses)
    if losses and type(values) is dict and all(type(key) is str for key in values):
        for key, value in values.items():
            losses = []
            encode(value, losses)
            for loss in losses:
                on_loss(f"{prefix}[{key!r}]", loss)
        return encoded
    for loss in losses:
        on_loss(prefix, loss)
    return encoded


def core_of(document: Document, on_loss: OnLoss) -> Part:
    """Return what was proposed, encoded: the values by label and what stands beside them.

    Left out is what a reader knows: ``idxs`` when each is the trial's id where the label has a
    value, ``cmd`` and ``workdir`` when they are as always.
    """
    misc, tid = document["misc"], document["tid"]
    if not _is_usual(misc):
        return {"whole_misc": encode_named("misc", misc, on_loss)}
    core: Part = {"vals": encode_named("misc['vals']", misc["vals"], on_loss)}
    other: dict[str, Any] = {}
    is_uniform, index = _index(misc)
    if not is_uniform:
        other["idxs"] = misc["idxs"]
    elif not _is_same(index, tid):
        other["idx"] = index
    if not _is_same(misc["tid"], tid):
        other["misc_tid"] = misc["tid"]
    if not _is_usual_command(misc["cmd"]):
        other["cmd"] = misc["cmd"]
    if misc["workdir"] is not None:
        other["workdir"] = misc["workdir"]
    return {**core, **encode_named("misc", other, on_loss)}


def text_of(core: Part) -> str:
    """Return a core as a text, to see whether it is the same as another one."""
    return json.dumps(core, check_circular=False)


def rest_of(document: Document, on_loss: OnLoss) -> Part:
    """Return the id of a document, encoded, and all but its `core_of` that is not as usual."""
    found: Part = encode_named("document", {"tid": document["tid"]}, on_loss)
    misc = document["misc"]
    if _is_usual(misc):
        other = {key: value for key, value in misc.items() if key not in _CORE}
        if other:
            found["misc"] = encode_named("misc", other, on_loss)
    changed = {
        name: value
        for name, value in document.items()
        if name not in ("tid", "misc", "result")
        and not (name in _DEFAULTS and _is_same(value, _DEFAULTS[name]))
    }
    encoded = encode_named("document", changed, on_loss)
    if not _is_new_result(document["result"]):
        encoded["result"] = encode_named("result", document["result"], on_loss)
    if encoded:
        found["document"] = encoded
    return found


def whole_of(document: Document, on_loss: OnLoss) -> Part:
    """Return all of a document, encoded."""
    return {**core_of(document, on_loss), **rest_of(document, on_loss)}


def change_of(document: Document, proposed: str | None, on_loss: OnLoss) -> Part:
    """Return what a record says of a trial that was proposed in an earlier one.

    Args:
        document: As it is now.
        proposed: The `text_of` the `core_of` it in that record; None to say all again.
        on_loss: Told of what the record does not hold.
    """
    core = core_of(document, on_loss)
    rest = rest_of(document, on_loss)
    return rest if text_of(core) == proposed else {**core, **rest}


def decode_document(part: Part, known: Document | None = None) -> Document:
    """Return the document of a part whose values are decoded.

    Args:
        part: The `rest_of` a document, with its `core_of` or without.
        known: The document as it was before, for a part without a core.

    Raises:
        ValueError: The part has no core, and nothing was before.
    """
    tid = part["tid"]
    if "whole_misc" in part:
        misc = part["whole_misc"]
    elif "vals" in part:
        misc = _usual_misc(part, tid)
    elif known is not None:
        misc = known["misc"]
        if _is_usual(misc):
            misc = {name: misc[name] for name in _CORE}
    else:
        raise ValueError(f"trial {tid!r} was not proposed before")
    if type(misc) is not dict or not all(type(each) is list for each in misc["vals"].values()):
        raise TypeError("misc is not as it should be")
    if "misc" in part:
        misc.update(part["misc"])
    document = new_document(tid, misc, None)
    if "document" in part:
        document.update(part["document"])
    if type(document["result"]) is not dict or document["state"] not in JOB_STATES:
        raise TypeError("result or state is not as it should be")
    return document


def _usual_misc(part: Part, tid: Any) -> dict[str, Any]:
    vals = part["vals"]
    idxs = part.get("idxs")
    if idxs is None:
        at = part.get("idx", tid)
        idxs = {label: [at] if values else [] for label, values in vals.items()}
    return {
        "tid": part.get("misc_tid", tid),
        "cmd": part.get("cmd", COMMAND),
        "workdir": part.get("workdir"),
        "idxs": idxs,
        "vals": vals,
    }


def _is_usual(misc: Any) -> bool:
    return type(misc) is dict and all(name in misc for name in _CORE)


def _is_usual_command(command: Any) -> bool:
    is_pair = type(command) is tuple and [type(each) for each in command] == [str, str]
    return is_pair and command == COMMAND


def _is_new_result(result: Any) -> bool:
    return type(result) is dict and list(result) == ["status"] and _is_same(result["status"], "new")


def _index(misc: dict[str, Any]) -> tuple[bool, Any]:
    """Tell whether all labels with a value have the same in ``idxs``, and what."""
    idxs, vals = misc["idxs"], misc["vals"]
    index = misc["tid"]
    if type(idxs) is not dict or type(vals) is not dict or list(idxs) != list(vals):
        return False, None
    is_first = True
    for at, values in zip(idxs.values(), vals.values(), strict=True):
        if type(at) is not list or type(values) is not list or len(at) != bool(values):
            return False, None
        if at:
            if not is_first and not _is_same(at[0], index):
                return False, None
            index, is_first = at[0], False
    return True, index


def _is_same(value: Any, other: Any) -> bool:
    """Tell whether two values are simple ones, of the same type and equal."""
    return type(value) is type(other) and type(value) in _SIMPLE and bool(value == other)
