"""Documents as rows of a table, each cell plain data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hyperbridge.history.history import History
from hyperbridge.history.plain_documents import Plain, plain_documents

FIRST: Final = ("tid", "state", "hyperopt_state", "status", "loss", "started", "ended")
"""The columns that each table begins with."""

PARAMS: Final = "params."
CHOICE: Final = "choice."
RESULT: Final = "result."

_GROUPS: Final = {
    PARAMS: "values",
    CHOICE: "choices",
    RESULT: "result",
    "misc.": "misc",
    "more.": "more",
}
"""What the names of the other columns begin with, and what of a plain document they hold."""


def rows_of(history: History, target: str) -> tuple[list[str], list[Plain]]:
    """Return the names of the columns, and for each trial the cells that have a value.

    Args:
        history: It gets a remark for each thing that a table cannot hold.
        target: What remarks call the target.
    """
    plain = plain_documents(history, target)
    columns = dict.fromkeys(FIRST)
    columns.update(dict.fromkeys(f"{PARAMS}{label}" for label in history.labels()))
    for prefix, name in _GROUPS.items():
        columns.update(dict.fromkeys(f"{prefix}{key}" for each in plain for key in each[name]))
    return list(columns), [_flat(each) for each in plain]


def _flat(plain: Plain) -> Plain:
    row: Plain = {
        name: plain[name]
        for name in FIRST
        if name in plain and (plain[name] is not None or name == "loss")
    }
    for prefix, name in _GROUPS.items():
        row.update((f"{prefix}{key}", value) for key, value in plain[name].items())
    return row


def unflatten(row: Mapping[str, Any]) -> Plain:
    """Return the plain document of a row, see `plain_documents`."""
    plain: Plain = {"started": None, "ended": None, **{name: {} for name in _GROUPS.values()}}
    for column, value in row.items():
        group = next((prefix for prefix in _GROUPS if column.startswith(prefix)), None)
        if group is not None:
            plain[_GROUPS[group]][column[len(group) :]] = value
        else:
            plain[column] = value
    return plain
