"""What becomes of one file, and of each search in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.remarks import REMARKS
from hyperbridge.migrate.sources import Source

State = Literal["rewritten", "left", "skipped"]


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a user chooses about a migration.

    Attributes:
        exact: Whether only exact rewrites are wanted.
        bounds_normals: Whether a normal becomes a plain range between two of its quantiles.
    """

    exact: bool = False
    bounds_normals: bool = False


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What becomes of one search.

    Attributes:
        line: Where fmin is called.
        state: Whether it is rewritten, left, or skipped as a comment says.
        codes: Of the remarks about it: why it is left, or what is not as it was.
    """

    line: int
    state: State
    codes: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[str, ...]:
        """The codes of what changes its results; empty for an exact rewrite."""
        if self.state != "rewritten":
            return ()
        return tuple(c for c in self.codes if REMARKS[c].exactness == "changes results")


@dataclass(frozen=True, slots=True)
class FilePlan:
    """What becomes of one file.

    Attributes:
        source: The file.
        texts: The new text of each of its cells; those of the source when nothing changes.
        notes: For a person, in the order of the lines.
        searches: Its calls of fmin, in the order of the lines.
        skipped: The lines with a comment ``hyperbridge: skip``.
    """

    source: Source
    texts: tuple[str, ...]
    notes: tuple[Note, ...]
    searches: tuple[SearchPlan, ...]
    skipped: tuple[int, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether anything is rewritten."""
        return self.new_text != self.source.text

    @property
    def new_text(self) -> str:
        """The whole new text; a notebook's code cells one after the other."""
        if self.source.document is None:
            return "".join(self.texts)
        return "".join(f"{text}\n" for text in self.texts)

    @property
    def is_faulty(self) -> bool:
        """Whether a fault of this tool was found."""
        return any(note.code == "HB299" for note in self.notes)


def codes_of(notes: Iterable[Note]) -> tuple[str, ...]:
    """Return the codes of some remarks, each once and in order."""
    return tuple(sorted({note.code for note in notes}))
