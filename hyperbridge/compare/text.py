"""Show what `judge` found: as text for a terminal, or as data for programs."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from hyperbridge.compare.collect import Column
from hyperbridge.compare.judge import Row, Table, alpha_of
from hyperbridge.compare.rank_test import ALPHA
from hyperbridge.compare.verdicts import Verdict

_WIDTH = 100
_WIDEST_CELL = 34
_NOTABLE = ("better", "worse", "different", "not known")


def as_text(columns: Sequence[Column], tables: Sequence[Table], accepted: set[str]) -> str:
    """Return the comparison for people.

    Args:
        columns: What was compared.
        tables: What was found.
        accepted: Rows that are meant to be otherwise, see `is_accepted`.
    """
    lines = []
    for table in tables:
        lines += [f"search {table.number} of {len(tables)}", ""]
        lines += _grid(columns, table)
        lines += ["", *_reasons(columns, table, accepted), ""]
    for column in columns:
        if column.failure:
            lines.append(f"{column.name} FAILED: {column.failure}")
    lines += [f"note: {line}" for line in remarks_of(columns)]
    lines += [*textwrap.wrap(statement(columns), _WIDTH), "", summary(columns, tables, accepted)]
    return "\n".join(lines)


def remarks_of(columns: Sequence[Column]) -> list[str]:
    """Return what programs asked for and did not get, a line for each."""
    return list(dict.fromkeys(x for column in columns for run in column.runs for x in run.remarks))


def statement(columns: Sequence[Column]) -> str:
    """Say what was run, and what "worse" means."""
    n = max((len(column.runs) for column in columns), default=0)
    of_losses, of_times = (alpha_of(len(columns), family) for family in ("loss", "time"))
    return (
        f"{n} repeat{'s' if n != 1 else ''} of each, seeds varied, the first with the program's "
        f"own. {columns[0].name} is what the others are held against. Numbers are the median of "
        'the repeats, and their lowest and highest. "worse" and "better": a one-sided rank test '
        f"over the repeats, at {of_losses:.2g} for a row of losses and {of_times:.2g} for one of "
        f'times, so that a table of equal columns has a "worse" loss at most {ALPHA * 100:.0f} '
        "times in 100, and a time likewise; times must differ by 25 % and 1 ms too. MLflow runs "
        "go to temporary stores."
    )


def summary(columns: Sequence[Column], tables: Sequence[Table], accepted: set[str]) -> str:
    """Return the last line."""
    words = [verdict.word for _, _, verdict in notable(columns, tables, accepted)]
    counts = [f"{words.count(word)} {word}" for word in _NOTABLE if word in words]
    failed = sum(bool(column.failure) for column in columns)
    counts += [f"{failed} failed"] if failed else []
    return ", ".join(counts) or "the same in every row"


def notable(
    columns: Sequence[Column], tables: Sequence[Table], accepted: set[str]
) -> Iterator[tuple[Column, Row, Verdict]]:
    """Yield the verdicts that are not "same", and not accepted."""
    for table in tables:
        for row in table.rows:
            for column, verdict in zip(columns, row.verdicts, strict=True):
                if verdict is None or verdict.word == "same":
                    continue
                if not is_accepted(column, row, accepted):
                    yield column, row, verdict


def is_accepted(column: Column, row: Row, accepted: set[str]) -> bool:
    """Tell whether a row was declared: by its key, or with the column's name before it."""
    return bool({row.key, f"{column.name}:{row.key}"} & accepted)


def as_data(
    columns: Sequence[Column], tables: Sequence[Table], accepted: set[str]
) -> dict[str, Any]:
    """Return the comparison for programs; the arguments are those of `as_text`."""
    return {
        "columns": [
            {
                "name": column.name,
                "program": str(column.program),
                "repeats": len(column.runs),
                "failure": column.failure or None,
                "remarks": sorted({line for run in column.runs for line in run.remarks}),
            }
            for column in columns
        ],
        "alpha": {family: alpha_of(len(columns), family) for family in ("loss", "time")},
        "searches": [
            {
                "number": table.number,
                "rows": [_row_data(columns, row, accepted) for row in table.rows],
                "losses": [[run.losses() for run in runs] for runs in table.runs],
            }
            for table in tables
        ],
        "summary": summary(columns, tables, accepted),
    }


def _row_data(columns: Sequence[Column], row: Row, accepted: set[str]) -> dict[str, Any]:
    return {
        "row": row.key,
        "title": row.title.strip(),
        "columns": [
            {
                "name": column.name,
                "text": row.cells[place],
                "values": row.values[place] if row.values else None,
                "verdict": None if verdict is None else verdict.word,
                "why": None if verdict is None else verdict.why,
                "p_worse": None if verdict is None else verdict.p,
                "accepted": is_accepted(column, row, accepted),
            }
            for place, (column, verdict) in enumerate(zip(columns, row.verdicts, strict=True))
        ],
    }


def without_infinities(value: Any) -> Any:
    """Return data that strict readers of JSON take: numbers that are not finite become texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: without_infinities(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_infinities(each) for each in value]
    return value


def _grid(columns: Sequence[Column], table: Table) -> Iterator[str]:
    cells = [["", *(column.name for column in columns)]]
    for row in table.rows:
        cells.append(
            [row.title, *(textwrap.shorten(c, _WIDEST_CELL, placeholder=" ...") for c in row.cells)]
        )
        if any(verdict is not None for verdict in row.verdicts):
            words = ["" if verdict is None else verdict.word for verdict in row.verdicts]
            marked = [word if word == "same" else word.upper() for word in words]
            cells.append(["", *marked])
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns) + 1)]
    for line in cells:
        yield "  ".join(
            text.ljust(width) for text, width in zip(line, widths, strict=True)
        ).rstrip()


def _reasons(columns: Sequence[Column], table: Table, accepted: set[str]) -> Iterator[str]:
    """Yield the reasons of each column, a line for all rows that have the same one."""
    for place, column in enumerate(columns):
        grouped: dict[tuple[str, str], list[str]] = {}
        for row in table.rows:
            verdict = row.verdicts[place]
            if verdict is not None and verdict.why:
                mark = " (accepted)" if is_accepted(column, row, accepted) else ""
                grouped.setdefault((f"{verdict.word}{mark}", verdict.why), []).append(row.key)
        for (word, why), keys in grouped.items():
            text = f"{column.name}: {', '.join(keys)}: {word}: {why}"
            yield from textwrap.wrap(text, _WIDTH, subsequent_indent="    ")
