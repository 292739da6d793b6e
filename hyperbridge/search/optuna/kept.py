"""What a study has no place for in a document: kept beside the trial, or named.

A user attribute of a trial holds what JSON can, so that the document can be made again.
"""

from __future__ import annotations

import json
from typing import Any

from hyperbridge.documents import Document
from hyperbridge.translate.to_optuna import plain_number

KEPT = "hyperbridge.document"
"""User attribute: the entries of a document that are not what a study's trial says anyway."""

LONGEST = 20_000
"""Most characters of JSON that are kept of one entry: a MySQL text ends at 65,535 bytes."""

_TIMES = ("book_time", "refresh_time")
_GROUPS = ("misc", "result")


def kept_of(document: Document, rebuilt: Document) -> tuple[dict[str, Any], list[str]]:
    """Return what is to be kept beside a trial of a study.

    Args:
        document: A document that has ended.
        rebuilt: The document that the study's trial becomes without it.

    Returns:
        The entries, and the names of those that JSON cannot hold.
    """
    kept: dict[str, Any] = {name: None for name in _TIMES if document[name] is None}
    skipped = (*_TIMES, *_GROUPS)
    own = {name: value for name, value in document.items() if name not in skipped}
    plain, lost = _beyond(own, rebuilt, "")
    kept |= plain
    for name in _GROUPS:
        entries = {
            key: value for key, value in document[name].items() if key not in ("tid", "idxs")
        }
        plain, strange = _beyond(entries, rebuilt[name], f"{name}.")
        lost += strange
        if plain:
            kept[name] = plain
    return kept, lost


def put_back(document: Document, kept: dict[str, Any]) -> None:
    """Put into a document what `kept_of` has kept of it."""
    for name, value in kept.items():
        if name in _GROUPS:
            document[name].update(value)
        else:
            document[name] = value
    misc, tid = document["misc"], document["tid"]
    misc["tid"] = tid
    misc["idxs"] = {label: [tid for _ in values] for label, values in misc["vals"].items()}
    for name in ("cmd", "error"):  # hyperopt has tuples there, JSON has lists
        if isinstance(misc.get(name), list):
            misc[name] = tuple(misc[name])


def _beyond(
    entries: dict[str, Any], rebuilt: dict[str, Any], prefix: str
) -> tuple[dict[str, Any], list[str]]:
    """Return the entries that a rebuilt dict lacks, and the names of those JSON cannot hold."""
    plain: dict[str, Any] = {}
    lost: list[str] = []
    for key, value in entries.items():
        if key in rebuilt and _is_same(value, rebuilt[key]):
            continue
        try:
            text = json.dumps(value, default=plain_number)
            is_kept = isinstance(key, str) and len(text) <= LONGEST
        except Exception:  # noqa: BLE001 - an object of the user's may do anything
            is_kept = False
        if is_kept:
            plain[key] = json.loads(text)
        else:
            lost.append(f"{prefix}{key}")
    return plain, lost


def _is_same(value: Any, other: Any) -> bool:
    try:
        return bool(value == other or (value != value and other != other))
    except Exception:  # noqa: BLE001 - an array has no truth, an object of the user's may raise
        return False
