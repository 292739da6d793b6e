"""Show what `judge` found as one HTML page, with nothing to fetch."""

from __future__ import annotations

from collections.abc import Sequence

from hyperbridge.compare import curves
from hyperbridge.compare.collect import Column
from hyperbridge.compare.drawing import Line, drawing
from hyperbridge.compare.judge import Table
from hyperbridge.compare.text import is_accepted, remarks_of, statement, summary
from hyperbridge.pages.frame import (
    Html,
    Section,
    badge,
    bullets,
    facts,
    grid,
    join,
    page,
    paragraph,
    table,
)

_COLOURS = {"better": "good", "worse": "bad", "different": "middling"}


def as_html(columns: Sequence[Column], tables: Sequence[Table], accepted: set[str]) -> str:
    """Return the page; the arguments are those of `hyperbridge.compare.text.as_text`."""
    names = [column.name for column in columns]
    programs = dict.fromkeys(column.program.name for column in columns)
    pairs = [("Result", summary(columns, tables, accepted))]
    pairs += [("Held against", names[0]), ("Repeats", str(max(len(c.runs) for c in columns)))]
    sections = [Section("Summary", join([facts(pairs), _failures(columns)]))]
    for each in tables:
        title = f"Search {each.number} of {len(tables)}" if len(tables) > 1 else "The search"
        sections.append(
            Section(title, join([_table(columns, each, accepted), _curves(each, names)]))
        )
    notes = [paragraph(statement(columns)), bullets(remarks_of(columns))]
    sections.append(Section("How it was compared", join(notes)))
    return page(f"Comparison of {' and '.join(programs)}: {', '.join(names)}", sections)


def _failures(columns: Sequence[Column]) -> Html:
    lines = [
        join([badge("failed", "bad"), Html(" "), f"{column.name}: {column.failure}"])
        for column in columns
        if column.failure
    ]
    return bullets(lines) if lines else Html("")


def _table(columns: Sequence[Column], found: Table, accepted: set[str]) -> Html:
    rows = []
    for row in found.rows:
        indent = "of which " if row.title.startswith(" ") else ""
        cells: list[Html | str] = [indent + row.title.strip()]
        for place, (column, verdict) in enumerate(zip(columns, row.verdicts, strict=True)):
            if verdict is None:
                cells.append(row.cells[place])
                continue
            colour = _COLOURS.get(verdict.word, "plain")
            word: str = verdict.word
            if word != "same" and is_accepted(column, row, accepted):
                word, colour = f"{word} (accepted)", "plain"
            parts = [row.cells[place], Html("<br>"), badge(word, colour)]
            if verdict.why:
                parts.append(paragraph(verdict.why, "note"))
            cells.append(join(parts))
        rows.append(cells)
    head = ["", *(column.name for column in columns)]
    return table(head, rows, caption="Each is held against the first, row by row")


def _curves(found: Table, names: Sequence[str]) -> Html:
    trials, seconds = [], []
    for place, runs in enumerate(found.runs):
        for run in runs:
            trials.append(Line(place, curves.over_trials(run), float(len(run.trials))))
            seconds.append(Line(place, curves.over_time(run), run.wall_s))
    return grid(
        [
            drawing("Best loss against trials", "trials", trials, names),
            drawing("Best loss against time", "seconds since the first trial", seconds, names),
        ]
    )
