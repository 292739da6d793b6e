"""The page of one history: what came of a search, for people to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from hyperbridge.documents import Document, loss_of
from hyperbridge.history.history import History
from hyperbridge.pages import frame
from hyperbridge.pages.columns import (
    Column,
    columns_of,
    shown_number,
    shown_value,
    values_of,
)
from hyperbridge.pages.failures import failures_section
from hyperbridge.pages.frame import Html, Section
from hyperbridge.pages.optuna_figures import (
    MOST_SLICES,
    Drawing,
    OptunaFigures,
)
from hyperbridge.pages.timeline import span_of, timeline_of
from hyperbridge.space.nodes import shortened
from hyperbridge.worker.frames import safe_repr

MOST_BEST: Final = 25
"""How many trials the table of the best ones has."""

_KINDS: Final = {"complete": "good", "failed": "bad", "pruned": "middling"}


def report(history: History, *, now: datetime | None = None) -> str:
    """Return the page of a history.

    Args:
        history: The trials; it is not changed.
        now: When the page is made, in UTC; None for now.

    Raises:
        MissingDependencyError: Optuna or Plotly is not installed; the message has the pip line.
    """
    columns, assumed = columns_of(history)
    figures = OptunaFigures(history, columns)
    best = best_trials(history)
    sections = [
        Section("Summary", _summary(history, best)),
        Section("History", _shown(figures.history(), "Optimisation history", _HISTORY)),
        Section("Parameters", frame.join(_parameters(figures, columns))),
    ]
    reports = figures.reports()
    if reports.figure is not None:
        caption = frame.join([_REPORTS, _of(reports, "trials that reported", reports.n_all)])
        sections.append(Section("Reports", _shown(reports, "Reported losses", caption)))
    sections += [
        Section("Timeline", _timeline(history)),
        Section("Best trials", _best_table(history, best, columns)),
        Section("Failures", failures_section(history)),
    ]
    remarks = [*history.remarks, *assumed]
    if remarks:
        sections.append(Section("Remarks", frame.bullets(remarks)))
    at = datetime.now(timezone.utc) if now is None else now
    lead = frame.paragraph(f"{history.source} · page made {at:%Y-%m-%d %H:%M} UTC", "lead")
    return frame.page("Report of a search", sections, lead=lead)


def best_trials(history: History) -> list[Document]:
    """Return the complete trials, the lowest loss first; of equal ones the earlier first."""
    found = [(loss, d) for d in history.documents if (loss := loss_of(d)) is not None]
    return [document for _, document in sorted(found, key=lambda each: each[0])]


_HISTORY: Final = "Each point is a complete trial; the line is the best loss so far."
_REPORTS: Final = "What trials reported while they ran. Dotted: stopped early by a pruner. "


def _summary(history: History, best: Sequence[Document]) -> Html:
    states = frame.join(
        frame.badge(f"{n:,} {state}", _KINDS.get(state, "plain"))
        for state, n in history.by_state().items()
    )
    pairs: list[tuple[str, Any]] = [
        ("Trials", f"{len(history.documents):,}"),
        ("By state", states or "none"),
        ("Best loss", shown_number(loss_of(best[0])) if best else "none"),
    ]
    if best:
        pairs.append(("Best trial", best[0]["tid"]))
    pairs += [("Parameters", len(history.labels())), *_times(history)]
    parts = [frame.facts(pairs)]
    if best:
        parts.append(_point(history, best[0]))
    return frame.join(parts)


def _times(history: History) -> Iterator[tuple[str, str]]:
    spans = [span for document in history.documents if (span := span_of(document)) is not None]
    if not spans:
        return
    first, last = min(began for began, _ in spans), max(ended for _, ended in spans)
    lengths = sorted(ended - began for began, ended in spans)
    yield "First trial began", f"{first:%Y-%m-%d %H:%M:%S} UTC"
    yield "Last trial ended", f"{last:%Y-%m-%d %H:%M:%S} UTC"
    yield "Time span", duration(last - first)
    yield "Median time of a trial", duration(lengths[len(lengths) // 2])
    yield "Time of all trials", duration(sum(lengths, timedelta()))


def duration(span: timedelta) -> str:
    """Return a time as people say it.

    Examples:
        >>> duration(timedelta(seconds=3725)), duration(timedelta(milliseconds=20))
        ('1 h 2 min 5 s', '20 ms')
    """
    seconds = span.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    parts = (whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min")
    return " ".join(f"{n} {unit}" for n, unit in (*parts, (whole % 60, "s")) if n)


def _point(history: History, document: Document) -> Html:
    values = values_of(document)
    space = history.space
    head = ["Parameter", "Value"]
    chosen = {} if space is None else space.decode(values)
    rows = []
    for label, value in values.items():
        row: list[Any] = [label, shown_value(label, value, space)]
        if chosen:
            row.append(f"{value} (index)" if label in chosen else "")
        rows.append(row)
    if chosen:
        head.append("As stored")
    caption = f"The best point, trial {document['tid']}"
    found = [frame.table(head, rows, caption=caption)] if rows else []
    if space is not None:
        try:
            point = safe_repr(space.point(values), 2_000)
        except Exception as exc:  # noqa: BLE001 - a function of the user's in the space
            point = f"The point cannot be built: {type(exc).__name__}: {exc}"
        found.append(frame.folded("What the objective got", frame.preformatted(point)))
    return frame.join(found)


def _parameters(figures: OptunaFigures, columns: Sequence[Column]) -> Iterator[Html]:
    drawn = figures.importances()
    caption = frame.join([_IMPORTANCES, _of(drawn, "complete trials")])
    height = 120 + 26 * max(3, min(len(columns), 40))
    yield _shown(drawn, "Importance for the loss", caption, height=height, width=480)
    drawn = figures.parallel()
    caption = frame.join([_PARALLEL, _of(drawn, "complete trials")])
    width = 125 * (len(columns) + 1) if len(columns) > 2 else 0
    yield _shown(drawn, "Parallel coordinates", caption, height=440, width=width)
    slices = list(figures.slices())
    if slices:
        text = f"The loss of trials by each parameter. {_of(slices[0][1], 'complete trials')}"
        yield Html("<h3>Slices</h3>")
        yield frame.paragraph(text, "note")
        yield frame.grid(
            _shown(each, f"Loss by {column.label}", "", height=300) for column, each in slices
        )
    if len(columns) > MOST_SLICES:
        text = f"Of {len(columns)} parameters the first {MOST_SLICES} have a slice."
        yield frame.paragraph(text, "note")


_IMPORTANCES: Final = (
    "How much each parameter decides whether a trial is among the best tenth (PED-ANOVA). "
)
_PARALLEL: Final = (
    "Each line is a trial, the strongest ones have the lowest loss; the best are always drawn. "
)


def _of(drawing: Drawing, what: str, n_all: int | None = None) -> str:
    """Say of how many trials a figure is drawn, where not of all."""
    of = drawing.n_all if n_all is None else n_all
    return f"Drawn of {drawing.n:,} of {of:,} {what}." if drawing.n < of else ""


def _shown(
    drawing: Drawing, title: str, caption: Any, *, height: int = 380, width: int = 0
) -> Html:
    if drawing.figure is None:
        return frame.join(
            [Html(f"<h3>{frame.escape(title)}</h3>"), frame.paragraph(drawing.why_not, "empty")]
        )
    return frame.figure(drawing.figure, title=title, caption=caption, height=height, width=width)


def _timeline(history: History) -> Html:
    found = timeline_of(history)
    if found is None:
        return frame.paragraph("No trial has a begin and an end.", "empty")
    rows = (
        "A row for each worker."
        if found.has_owners
        else "The trials do not say on which worker they ran: a row is a slot that their times "
        "show, so that no two trials of a row overlap."
    )
    n_all = len(history.documents)
    some = f" {found.n:,} of {n_all:,} trials are shown." if found.n < n_all else ""
    height = 130 + 24 * min(max(found.n_rows, 2), 40)
    return frame.figure(
        found.figure, title="When trials ran", caption=f"{rows}{some}", height=height
    )


def _best_table(history: History, best: Sequence[Document], columns: Sequence[Column]) -> Html:
    if not best:
        return frame.paragraph("No trial has a loss.", "empty")
    head = ["Trial", "Loss", "Time", *(column.label for column in columns)]
    rows = []
    for document in best[:MOST_BEST]:
        values = values_of(document)
        span = span_of(document)
        rows.append(
            [
                document["tid"],
                shown_number(loss_of(document)),
                "" if span is None else duration(span[1] - span[0]),
                *(
                    shortened(shown_value(c.label, values[c.label], history.space), 60)
                    if c.label in values
                    else ""
                    for c in columns
                ),
            ]
        )
    numeric = [0, 1, 2, *(n for n, c in enumerate(columns, 3) if c.kind != "text")]
    of = f"The {MOST_BEST} best of {len(best):,} complete trials" if len(best) > MOST_BEST else ""
    return frame.table(head, rows, caption=of or "All complete trials", numeric=numeric)
