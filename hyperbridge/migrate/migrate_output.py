"""Show what a migration does: a table of files for people, JSON, or remarks one by one."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperbridge.migrate.file_plan import FilePlan, SearchPlan
from hyperbridge.migrate.formats import Level, Message
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.selection import Selection

_HEADINGS = ("file", "searches", "exact", "changes results", "left", "skipped", "why")


@dataclass(frozen=True, slots=True)
class Row:
    """What becomes of one file, for people.

    Attributes:
        path: The file.
        searches: What becomes of its searches.
        is_changed: Whether anything is rewritten.
        why: What is to be said besides.
    """

    path: Path
    searches: tuple[SearchPlan, ...]
    is_changed: bool
    why: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the table."""
        rewritten = [s for s in self.searches if s.state == "rewritten"]
        counts = [len(self.searches), sum(not s.changes for s in rewritten)]
        counts.append(sum(bool(s.changes) for s in rewritten))
        counts += [sum(s.state == state for s in self.searches) for state in ("left", "skipped")]
        return (str(self.path), *(str(n or "-") for n in counts), self.why)


def row(plan: FilePlan) -> Row:
    """Return the row of a file."""
    source = plan.source
    parts = []
    for search in plan.searches:
        codes = search.changes if search.state == "rewritten" else search.codes
        if codes:
            parts.append(f"line {source.place(search.line)}: {', '.join(codes)}")
    if not plan.searches and plan.is_changed:
        parts.append("rewritten with the program")
    if not parts:
        parts += sorted({note.code for note in plan.notes if note.needs_person})
    return Row(source.path, plan.searches, plan.is_changed, "; ".join(parts))


def as_table(rows: Sequence[Row], looked_at: int) -> str:
    """Return a table with a line for each file that matters, and their sum."""
    rows = [r for r in rows if r.searches or r.is_changed or r.why]
    if not rows:
        return f"nothing to migrate in {looked_at} {'file' if looked_at == 1 else 'files'}\n"
    lines = [r.cells() for r in rows]
    if len(rows) > 1:
        everything = Row(Path("all"), tuple(s for r in rows for s in r.searches), True)
        lines.append(everything.cells())
    lines = [_HEADINGS, *lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADINGS))]
    shown = []
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:-1], widths[1:-1], strict=True)]
        shown.append("  ".join([*cells, line[-1]]).rstrip())
    return "\n".join(shown) + "\n"


def level_of(note: Note) -> Level:
    """Return how much a remark matters."""
    return "error" if note.code == "HB299" else "warning" if note.needs_person else "note"


def messages(plan: FilePlan, selection: Selection) -> list[Message]:
    """Return the remarks about a file that are wanted."""
    source = plan.source
    return [
        Message(source.path, n.code, level_of(n), n.text, n.line, place=source.place(n.line))
        for n in plan.notes
        if selection.takes(n.code)
    ]


def diff(path: Path, before: str, after: str) -> str:
    """Return what changes, as a patch."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{path}",
        f"b/{path}",
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def file_data(row: Row, messages: Sequence[Message], patch: str) -> dict[str, Any]:
    """Return a file's part of the JSON object."""
    return {
        "path": str(row.path),
        "changed": row.is_changed,
        "searches": [
            {
                "line": search.line,
                "state": search.state,
                "exact": search.state == "rewritten" and not search.changes,
                "codes": list(search.codes),
            }
            for search in row.searches
        ],
        "remarks": [
            {"code": m.code, "level": m.level, "line": m.line, "place": m.place, "text": m.text}
            for m in messages
        ],
        "diff": patch,
    }


def as_json(
    target: str, files: Sequence[dict[str, Any]], unread: Sequence[str], looked_at: int
) -> str:
    """Return the whole migration as one JSON object."""
    searches = [search for file in files for search in file["searches"]]
    counts = {s: sum(x["state"] == s for x in searches) for s in ("rewritten", "left", "skipped")}
    counts["exact"] = sum(search["exact"] for search in searches)
    found = {
        "target": target,
        "looked_at": looked_at,
        "searches": {"all": len(searches), **counts},
        "unread": list(unread),
        "files": list(files),
    }
    return json.dumps(found, indent=2)
