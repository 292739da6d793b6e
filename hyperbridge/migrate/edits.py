"""Replace spans of a text and leave every other character as it is."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass

_BLANK_LINES = re.compile(r"(\r?\n)(?:[ \t]*\r?\n){2,}")


@dataclass(frozen=True, slots=True)
class Edit:
    """The replacement of one span.

    Attributes:
        start: Offset of the first character.
        end: Offset after the last character; equal to ``start`` for an insertion.
        text: What stands there afterwards.
    """

    start: int
    end: int
    text: str


class Edits:
    """The pending replacements in one text.

    A replacement may cover earlier ones: those are then dropped, so its text is best taken
    from `rendered`, which has them applied.

    Examples:
        >>> edits = Edits("a = one + two")
        >>> edits.replace(4, 7, "1")
        >>> edits.rendered(4, 13)
        '1 + two'
        >>> edits.replace(4, 13, f"({edits.rendered(4, 13)})")
        >>> edits.apply()
        'a = (1 + two)'
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._edits: list[Edit] = []

    def __bool__(self) -> bool:
        return bool(self._edits)

    def replace(self, start: int, end: int, text: str) -> None:
        """Replace a span; what was to be replaced inside it is forgotten.

        Raises:
            ValueError: The span cuts an earlier one.
        """
        kept: list[Edit] = []
        for edit in self._edits:
            inside = start <= edit.start and edit.end <= end and start < end
            if inside and not (edit.start == edit.end and edit.start in (start, end)):
                continue
            if edit.start < end and start < edit.end:
                raise ValueError(f"two replacements overlap at offset {max(start, edit.start)}")
            kept.append(edit)
        kept.append(Edit(start, end, text))
        self._edits = kept

    def insert(self, position: int, text: str, *, first: bool = False) -> None:
        """Insert before a position, after what is inserted there already unless ``first``."""
        self._edits.insert(0 if first else len(self._edits), Edit(position, position, text))

    def forget_blank_lines(self, position: int) -> None:
        """Drop insertions of nothing but line ends at a position."""
        self._edits = [
            e for e in self._edits if (e.start, e.end) != (position, position) or e.text.strip()
        ]

    def inside(self, start: int, end: int) -> list[Edit]:
        """Return the edits that change a span, and not just its ends."""
        return [e for e in self._edits if e.start < end and start < e.end]

    def forget(self, edit: Edit) -> None:
        """Drop one."""
        self._edits.remove(edit)

    def covers(self, start: int, end: int) -> bool:
        """Tell whether a span lies inside one that is replaced."""
        return any(e.start <= start and end <= e.end and e.start < e.end for e in self._edits)

    def touches(self, start: int, end: int) -> bool:
        """Tell whether anything in a span is replaced."""
        return any(
            (start <= e.start and e.end <= end) or e.start <= start < e.end for e in self._edits
        )

    def rendered(self, start: int, end: int) -> str:
        """Return the text of a span with the replacements inside it applied."""
        return apply(
            self._text, [e for e in self._edits if start <= e.start and e.end <= end], start, end
        )

    def apply(self, start: int = 0, end: int | None = None) -> str:
        """Return the text, or a part of it, with all replacements.

        Of the blank lines that meet where something was taken out, two are left, and one in a
        block.
        """
        last = len(self._text) if end is None else end
        inside = [e for e in self._edits if start <= e.start and e.end <= last]
        text = apply(self._text, inside, start, last)
        touched: list[int] = []
        shift = -start
        for edit in sorted(inside, key=lambda e: (e.start, e.end)):
            touched += (edit.start + shift, edit.start + shift + len(edit.text))
            shift += len(edit.text) - (edit.end - edit.start)

        def shortened(run: re.Match[str]) -> str:
            nearest = bisect.bisect_left(touched, run.start())
            if nearest == len(touched) or touched[nearest] > run.end():
                return run[0]
            return run[1] * (3 if run.end() == len(text) or not text[run.end()].isspace() else 2)

        return _BLANK_LINES.sub(shortened, text)


def apply(text: str, edits: list[Edit], start: int, end: int) -> str:
    """Return ``text[start:end]`` with edits that do not overlap applied."""
    parts: list[str] = []
    position = start
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        parts.append(text[position : edit.start])
        parts.append(edit.text)
        position = edit.end
    parts.append(text[position:end])
    return "".join(parts)
