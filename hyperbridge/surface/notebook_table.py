"""What a notebook shows of a Trials object: how its trials ended, and the best of them."""

from __future__ import annotations

import contextlib
import heapq
from collections import Counter
from html import escape
from typing import Any, Final

from hyperbridge.documents import Document, assignment_of, loss_of
from hyperbridge.history.history import STATES, state_of
from hyperbridge.run.shown import shortened, shown_number, shown_values
from hyperbridge.space import Space
from hyperbridge.surface.frames import documents_in, space_in

N_BEST: Final = 5
_MOST_LABELS: Final = 12


def table_of(trials: Any) -> str:
    """Return HTML that a notebook shows for a Trials object; all texts are escaped.

    Args:
        trials: A Trials object.
    """
    documents = documents_in(trials)
    counts = Counter(map(state_of, documents))
    found = [f"{counts[state]} {state}" for state in STATES if counts[state]]
    head = f"{type(trials).__name__}: {len(documents)} trial{'' if len(documents) == 1 else 's'}"
    lines = [": ".join([head, ", ".join(found)]) if len(found) > 0 else head]
    best = heapq.nsmallest(N_BEST, filter(_has_loss, documents), key=_order)
    space = space_in(trials)
    points = [_point(document, space) for document in best]
    if best:
        where = ", ".join(f"{label} = {text}" for label, text in points[0].items())
        lines.append(
            f"Best loss {_loss(best[0])} (trial {best[0]['tid']}): {shortened(where, 300)}"
        )
    elif documents:
        lines.append("No trial has a loss yet.")
    reason = getattr(trials, "stop_reason", None)
    if reason is not None:
        lines.append(f"The last search ended by: {reason}")
    text = "".join(f"<div>{escape(str(line))}</div>" for line in lines)
    return f"<div>{text}{_rows(best, points) if best else ''}</div>"


def _has_loss(document: Document) -> bool:
    return loss_of(document) is not None


def _order(document: Document) -> Any:
    return loss_of(document)


def _loss(document: Document) -> str:
    return shown_number(loss_of(document))


def _point(document: Document, space: Space | None) -> dict[str, str]:
    try:
        assignment = assignment_of(document)
    except NotImplementedError:  # several values of a label
        return {}
    return shown_values(assignment, {} if space is None else space.decode(assignment))


def _rows(best: list[Document], points: list[dict[str, str]]) -> str:
    labels = list(dict.fromkeys(label for point in points for label in point))
    shown = labels[:_MOST_LABELS]
    names = ["trial", "loss", *shown, *(["…"] if len(labels) > len(shown) else []), "seconds"]
    rows = [
        [
            str(document["tid"]),
            _loss(document),
            *(point.get(label, "") for label in shown),
            *([""] if len(labels) > len(shown) else []),
            _seconds(document),
        ]
        for document, point in zip(best, points, strict=True)
    ]
    head = "".join(f"<th>{escape(shortened(name))}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _seconds(document: Document) -> str:
    with contextlib.suppress(TypeError):  # a time is missing, or one has a zone
        return f"{(document['refresh_time'] - document['book_time']).total_seconds():.3g}"
    return ""
