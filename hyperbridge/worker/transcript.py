"""The text that a trial has printed, of bounded size, as a terminal would show it in the end.

What a carriage return or a step upwards overwrites is dropped, so that of a progress bar its last
state is kept, and of nested ones, too.
"""

from __future__ import annotations

import re
import threading
from collections import deque

FIRST = 16_384
"""How many characters are kept from the beginning of a text that is too long."""

LAST = 16_384
"""How many are kept from its end."""

_WINDOW = 8  # rows that may still be overwritten: nested progress bars
_LONGEST_ROW = 8_192
_AT_ONCE = 8_192  # characters that are looked at together
_CONTROL = re.compile("(\r\n|\n|\r|\x1b\\[[0-9;?]*[A-Za-z])")
_UP = re.compile("\x1b\\[([0-9]*)A")


class Transcript:
    """Gathers what is written, from any thread; it also may be written to while it is."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._written: list[str] = []  # and not looked at yet
        self._n_written = 0
        self._kept = _Ends()
        self._rows = [""]
        self._at = 0
        self._overwrites = ""  # by what the cursor came to the begin of a row that has text

    def write(self, text: str) -> None:
        """Take a text, with what it does to a terminal's lines."""
        with self._lock:
            self._written.append(text)
            self._n_written += len(text)
            if self._n_written > _AT_ONCE:
                self._read()

    def _read(self) -> None:
        text = "".join(self._written)
        self._written, self._n_written = [], 0
        is_last = self._at == len(self._rows) - 1
        if is_last and not self._overwrites and "\r" not in text and "\x1b" not in text:
            first, *others = text.split("\n")
            self._rows[-1] += first
            self._rows.extend(others)
            self._at = len(self._rows) - 1
        else:
            for part in _CONTROL.split(text):
                if part:
                    self._take(part)
        self._settle()

    def _take(self, part: str) -> None:
        rows = self._rows
        if part in ("\n", "\r\n"):
            self._at += 1
            self._overwrites = "\n" if self._at < len(rows) else ""
            if not self._overwrites:
                rows.append("")
        elif part == "\r":
            self._overwrites = "\r"
        elif part.startswith("\x1b["):
            up = _UP.fullmatch(part)
            if up is not None:
                self._at = max(0, self._at - int(up.group(1) or 1))
            elif part.endswith("m"):  # a colour
                rows[self._at] += part
        elif self._overwrites:
            rows[self._at] = part if part.strip() else ""
            self._overwrites = ""
        else:
            rows[self._at] += part

    def _settle(self) -> None:
        """Keep the rows that nothing overwrites any more."""
        n_over = min(len(self._rows) - _WINDOW, self._at)
        if n_over > 0:
            self._kept.add("\n".join(self._rows[:n_over]) + "\n")
            del self._rows[:n_over]
            self._at -= n_over
        if len(self._rows[-1]) > _LONGEST_ROW and self._at == len(self._rows) - 1:
            self._kept.add("\n".join(self._rows))
            self._rows, self._at = [""], 0

    def text(self) -> str:
        """Return what was written; it can be stored as UTF-8."""
        with self._lock:
            self._read()
            if self._overwrites == "\n":  # the end of a nested bar, in the place of a lower one
                self._rows[self._at] = ""
            self._kept.add("\n".join(self._rows))
            self._rows, self._at, self._overwrites = [""], 0, ""
            found = self._kept.text()
        return found.encode("utf-8", "backslashreplace").decode("utf-8")


class _Ends:
    """The beginning and the end of a text."""

    def __init__(self) -> None:
        self._first = ""
        self._last: deque[str] = deque()
        self._n_last = 0
        self._n_cut = 0

    def add(self, text: str) -> None:
        room = FIRST - len(self._first)
        if room > 0:
            self._first += text[:room]
            text = text[room:]
        if len(text) > LAST:
            self._n_cut += len(text) - LAST
            text = text[-LAST:]
        if text:
            self._last.append(text)
            self._n_last += len(text)
        while self._last and self._n_last - len(self._last[0]) >= LAST:
            n_dropped = len(self._last.popleft())
            self._n_last -= n_dropped
            self._n_cut += n_dropped

    def text(self) -> str:
        last = "".join(self._last)
        n_over = max(0, len(last) - LAST)
        n_cut = self._n_cut + n_over
        cut = f"\n[... {n_cut} characters are left out here ...]\n" if n_cut else ""
        return f"{self._first}{cut}{last[n_over:]}"
