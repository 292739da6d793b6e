"""A Trials object as a history: its documents checked and copied."""

from __future__ import annotations

import copy
from typing import Any, Final

from hyperbridge.documents import Document
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.files.pickles import StandIn
from hyperbridge.history.absent import leave_out_absent
from hyperbridge.history.history import History

_KEYS: Final = ("state", "tid", "result", "misc")
_DEFAULTS: Final[Document] = {
    "spec": None,
    "exp_key": None,
    "owner": None,
    "version": 0,
    "book_time": None,
    "refresh_time": None,
}


def history_of(trials: Any, source: str) -> History:
    """Return the trials of a Trials object.

    Args:
        trials: hyperopt's Trials or a subclass.
        source: What messages call it.

    Raises:
        InvalidArgumentError: A document is not one of hyperopt's.
    """
    history = History([], dict(trials.attachments), source)
    key = trials._exp_key
    n_other = 0
    for position, document in enumerate(trials._dynamic_trials):
        if key is not None and document.get("exp_key") != key:
            n_other += 1
            continue
        history.documents.append(_copy_of(document, position, source))
    if n_other:
        history.remark(f"{n_other} trials of other experiments than exp_key={key!r} are left out")
    _give_own_ids(history)
    return history


def _copy_of(document: Any, position: int, source: str) -> Document:
    """Return a copy of a document; what its result holds is not copied.

    Raises:
        InvalidArgumentError: It is no document.
    """
    try:
        lacks = [key for key in _KEYS if key not in document]
        misc = {} if lacks else document["misc"]
        lacks += [f"misc[{key!r}]" for key in ("idxs", "vals") if key not in misc and not lacks]
        if lacks:
            raise InvalidArgumentError(
                f"{source}: document {position} is none of hyperopt's: it has no {lacks[0]}"
            )
        copied = {**_DEFAULTS, **document}
        copied["misc"] = copy.deepcopy(dict(misc))
        copied["misc"].setdefault("tid", document["tid"])
        copied["result"] = dict(document["result"])
    except (TypeError, AttributeError) as exc:
        raise InvalidArgumentError(
            f"{source}: document {position} is none of hyperopt's ({exc})"
        ) from exc
    return copied


def _give_own_ids(history: History) -> None:
    """Renumber a document whose id an earlier one has; attachments stay with the earlier one."""
    twice: list[Document] = []
    seen: set[Any] = set()
    for document in history.documents:
        if document["tid"] in seen:
            twice.append(document)
        seen.add(document["tid"])
    if not twice:
        return
    next_id = 1 + max((tid for tid in seen if isinstance(tid, int)), default=-1)
    for tid, document in enumerate(twice, next_id):
        history.remark(f"two trials have the id {document['tid']}: the later one gets {tid}")
        misc = document["misc"]
        misc["idxs"] = {label: [tid for _ in idxs] for label, idxs in misc["idxs"].items()}
        document["tid"] = misc["tid"] = tid


def without_stand_ins(history: History, missing: dict[str, str]) -> None:
    """Take out what holds an object whose class cannot be imported here, and say so.

    Args:
        history: Its documents and attachments are changed.
        missing: The classes, and why each cannot be imported.
    """
    if missing:
        leave_out_absent(history, _name_of, lambda name: missing.get(name, "it is missing"))


def _name_of(value: Any) -> str | None:
    return value.stands_for if isinstance(value, StandIn) else None
