"""The timeline of a history: a row for each worker, or for each slot that its times show."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final, TypeAlias

from hyperbridge.documents import Document
from hyperbridge.history.history import STATES, History, state_of
from hyperbridge.pages.frame import figure_text, visible

Span: TypeAlias = tuple[datetime, datetime]
"""Begin and end of a trial, in UTC."""

MOST_BARS: Final = 5_000
"""How many trials are shown, the last ones."""

_COLOURS: Final = {
    "complete": "#3b82c4",
    "pruned": "#d59a1b",
    "failed": "#d1483f",
    "cancelled": "#8b93a1",
    "running": "#3f9d57",
    "waiting": "#8b93a1",
}


@dataclass(frozen=True, slots=True)
class Timeline:
    """When trials ran.

    Attributes:
        figure: Plotly's ``data`` and ``layout``.
        n_rows: How many rows it has.
        n: How many trials are shown; one without a begin and an end is not.
        has_owners: Whether a row is a worker that the documents name, else a slot.
    """

    figure: dict[str, Any]
    n_rows: int
    n: int
    has_owners: bool


def timeline_of(history: History) -> Timeline | None:
    """Return when the trials ran, and where; None where no trial has times."""
    timed = [
        (span, document)
        for document in history.documents
        if (span := span_of(document)) is not None
    ]
    timed.sort(key=lambda each: each[0])
    timed = timed[-MOST_BARS:]
    if not timed:
        return None
    owners = [_owner(document) for _, document in timed]
    has_owners = None not in owners
    slots = [f"slot {slot + 1}" for slot in _slots([span for span, _ in timed])]
    rows = [visible(owner) for owner in owners] if has_owners else slots
    names = sorted(set(rows), key=lambda row: (len(row), row))
    data = []
    for state in STATES:
        bars = [
            (row, span, document["tid"])
            for row, (span, document) in zip(rows, timed, strict=True)
            if state_of(document) == state
        ]
        if bars:
            data.append(_bars(state, bars))
    layout = {
        "barmode": "overlay",
        "bargap": 0.25,
        "xaxis": {"type": "date", "title": {"text": "Time (UTC)"}},
        "yaxis": {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": [figure_text(name) for name in reversed(names)],
            "title": {"text": "Worker" if has_owners else "Slot"},
        },
    }
    return Timeline({"data": data, "layout": layout}, len(names), len(timed), has_owners)


def span_of(document: Document) -> Span | None:
    """Return begin and end of a trial, in UTC; None where one is not known."""
    began, ended = _time(document["book_time"]), _time(document["refresh_time"])
    if began is None or ended is None or ended < began:
        return None
    return began, ended


def _time(value: Any) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo is None else value.astimezone(timezone.utc).replace(tzinfo=None)


def _owner(document: Document) -> str | None:
    """Return the worker that a document names, as hyperopt's own workers do."""
    owner = document["owner"]
    if isinstance(owner, (list, tuple)) and owner:
        return " ".join(map(str, owner))
    return owner if isinstance(owner, str) and owner else None


def _slots(spans: Sequence[Span]) -> list[int]:
    """Return for each trial, in order of their begins, the lowest slot that was free then."""
    free: list[int] = []
    busy: list[tuple[datetime, int]] = []
    n_slots = 0
    found = []
    for began, ended in spans:
        while busy and busy[0][0] <= began:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            slot = heapq.heappop(free)
        else:
            slot, n_slots = n_slots, n_slots + 1
        heapq.heappush(busy, (ended, slot))
        found.append(slot)
    return found


def _bars(state: str, bars: Sequence[tuple[str, Span, Any]]) -> dict[str, Any]:
    seconds = [(ended - began).total_seconds() for _, (began, ended), _ in bars]
    return {
        "type": "bar",
        "orientation": "h",
        "name": state,
        "y": [figure_text(row) for row, _, _ in bars],
        "base": [began.isoformat(timespec="milliseconds") for _, (began, _), _ in bars],
        "x": [max(1, round(each * 1000)) for each in seconds],
        "text": [figure_text(tid) for _, _, tid in bars],
        "textposition": "none",
        "customdata": [f"{each:.3g}" for each in seconds],
        "hovertemplate": "trial %{text}: %{customdata} s, from %{base}<extra></extra>",
        "marker": {"color": _COLOURS[state], "line": {"width": 0.5, "color": "rgba(0,0,0,.25)"}},
    }
