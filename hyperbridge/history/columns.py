"""Documents as columns of a table, for data frames: names as in `rows`, objects as they are."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from hyperopt.base import JOB_STATE_NEW, JOB_STATE_RUNNING

from hyperbridge.documents import Document, attempt_of
from hyperbridge.history.history import state_of
from hyperbridge.history.rows import CHOICE, PARAMS, RESULT
from hyperbridge.space import Space
from hyperbridge.space.nodes import Node
from hyperbridge.space.queries import parameters_of, text_of_option

_PLAIN: Final = (numbers.Number, str, bool)
_NOT_AGAIN: Final = ("loss", "status")
"""Entries of a result that have a column of their own."""


def columns_of(documents: Sequence[Document], space: Space | None) -> dict[str, list[Any]]:
    """Return the columns by name, each with a value or None for each document.

    The labels are ``params.<label>``, as in hyperopt: a choice has its index. Where the space is
    known, ``choice.<label>`` is the option itself, or its text when it has labels of its own.
    Entries of the results that are numbers, texts or booleans are ``result.<key>``.

    Args:
        documents: The trials.
        space: Their search space; None if unknown.

    Examples:
        >>> from hyperbridge.documents import misc_of, new_document
        >>> columns_of([new_document(3, misc_of(3, {"x": 0.5}, ["x"]), None)], None)["params.x"]
        [0.5]
    """
    results = [document["result"] for document in documents]
    misc = [document["misc"] for document in documents]
    columns: dict[str, list[Any]] = {
        "tid": [document["tid"] for document in documents],
        "state": [state_of(document) for document in documents],
        "status": [result.get("status") for result in results],
        "loss": [_number(result.get("loss")) for result in results],
    }
    columns.update(_labels(misc, space))
    columns["started"] = [_time(document.get("book_time")) for document in documents]
    columns["ended"] = [
        None
        if document["state"] in (JOB_STATE_NEW, JOB_STATE_RUNNING)
        else _time(document.get("refresh_time"))
        for document in documents
    ]
    columns["attempts"] = [attempt_of(document) for document in documents]
    columns["reports"] = [len(each.get("reports", ())) for each in misc]
    columns["error"] = [_error(each.get("error")) for each in misc]
    columns.update(_entries(results))
    return columns


def _labels(misc: Sequence[dict[str, Any]], space: Space | None) -> dict[str, list[Any]]:
    vals = [each["vals"] for each in misc]
    labels: dict[str, None] = {}
    for each in vals:
        if not each.keys() <= labels.keys():
            labels.update(dict.fromkeys(each))
    found = {}
    choices = {}
    for label in labels:
        column = [_value(each.get(label, ())) for each in vals]
        found[f"{PARAMS}{label}"] = column
        if space is not None and label in space.choices:
            options = [_option(each) for each in space.choices[label].options]
            choices[f"{CHOICE}{label}"] = [_at(options, index) for index in column]
    return {**found, **choices}


def _value(given: Sequence[Any]) -> Any:
    if len(given) == 1:
        return given[0]
    return list(given) or None  # several values, which hyperopt cannot run


def _option(node: Node) -> Any:
    if parameters_of(node):
        return text_of_option(node)
    try:
        return Space(node).point({})
    except Exception:  # noqa: BLE001 - a function of the user's may raise anything
        return text_of_option(node)


def _at(options: list[Any], index: Any) -> Any:
    is_index = isinstance(index, numbers.Real) and index in range(len(options))
    return options[int(index)] if is_index else None


def _number(value: Any) -> float | None:
    kind: type = type(value)  # isinstance() asks the object, which may raise
    is_number = issubclass(kind, numbers.Real) and not issubclass(kind, bool)
    return float(value) if is_number else None


def _time(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _error(error: Any) -> str | None:
    """Return the type and the message of what was raised, as documents hold it."""
    if not (isinstance(error, (tuple, list)) and len(error) == 2):
        return None
    return f"{error[0]}: {error[1]}"


def _entries(results: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    keys: dict[str, None] = {}
    for result in results:
        for key, value in result.items():
            if key not in keys and key not in _NOT_AGAIN and issubclass(type(value), _PLAIN):
                keys[key] = None
    return {f"{RESULT}{key}": [_plain(result.get(key)) for result in results] for key in keys}


def _plain(value: Any) -> Any:
    return value if issubclass(type(value), _PLAIN) else None
