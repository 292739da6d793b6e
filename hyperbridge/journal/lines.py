"""The lines of a journal: ``<crc32> <length> <JSON>``, each checksum continuing the one before.

So a line that is missing, twice or in another place is seen, too. The length tells a line that
was cut off, by a kill or a full disk, from one that was changed later.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from hyperbridge.journal.values import decode

Record = dict[str, Any]
"""One event: ``event`` is its name."""

_HEAD: Final = re.compile(rb"([0-9a-f]{8}) ([1-9][0-9]{0,17}) ")
_ENCODE: Final = json.JSONEncoder(
    ensure_ascii=True, check_circular=False, allow_nan=False, separators=(",", ":")
).encode


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_DECODE: Final = json.JSONDecoder(object_hook=decode, parse_constant=_refuse_constant).raw_decode


class DamagedLineError(Exception):
    """A line is not what was written.

    Attributes:
        number: The line, from 1.
        offset: Where it begins in the file.
        what: What is wrong with it.
    """

    def __init__(self, number: int, offset: int, what: str) -> None:
        super().__init__(f"line {number}: {what}")
        self.number = number
        self.offset = offset
        self.what = what


@dataclass(frozen=True, slots=True)
class Torn:
    """A last line that was cut off while it was written.

    Attributes:
        number: The line, from 1.
        offset: Where it begins in the file.
        length: How many bytes of it there are.
    """

    number: int
    offset: int
    length: int


def line_of(record: Record, checksum: int) -> tuple[bytes, int]:
    r"""Return the line of a record and its checksum.

    Args:
        record: Of values that `hyperbridge.journal.values.encode` has returned.
        checksum: That of the line before; 0 for the first.

    Examples:
        >>> line_of({"event": "closed"}, 0)
        (b'a38abbab 18 {"event":"closed"}\n', 2743778219)
    """
    text = _ENCODE(record).encode("ascii")
    rest = b"%d %b" % (len(text), text)
    checksum = zlib.crc32(rest, checksum)
    return b"%08x %b\n" % (checksum, rest), checksum


class Scan:
    """The records of a journal's bytes.

    Args:
        data: All bytes of the file.

    Attributes:
        checksum: That of the last line that was read.
        torn: The last line, if it was cut off; known when all have been read.
    """

    def __init__(self, data: bytes) -> None:
        self.checksum = 0
        self.torn: Torn | None = None
        self._data = data

    def __iter__(self) -> Iterator[Record]:
        """Read the records in order.

        Raises:
            DamagedLineError: A line that is not the last one is damaged, or the last one was not
                cut off but changed.
        """
        data, checksum, position, number = self._data, 0, 0, 1
        match, crc32, view = _HEAD.match, zlib.crc32, memoryview(data)
        while position < len(data):
            head = match(data, position)
            end = 0
            if head is not None:
                end = head.end() + int(head[2])
                known = crc32(view[head.start(2) : end], checksum)
                if known != int(head[1], 16) or data[end : end + 1] != b"\n":
                    head = None
            if head is None:
                self.torn = self._torn(number, position, checksum)
                return
            text = data[head.end() : end].decode("ascii")
            try:
                record, stop = _DECODE(text)
            except (ValueError, RecursionError) as exc:
                raise DamagedLineError(number, position, f"it cannot be read ({exc})") from exc
            if stop != len(text) or type(record) is not dict:
                raise DamagedLineError(number, position, "it is not one JSON object")
            self.checksum = checksum = known
            yield record
            position = end + 1
            number += 1

    def _torn(self, number: int, position: int, checksum: int) -> Torn:
        """Return the last line as one that was cut off.

        Raises:
            DamagedLineError: It is not the last line, or it goes on behind its end.
        """
        data = self._data
        newline = data.find(b"\n", position)
        if newline not in (-1, len(data) - 1):
            what = "its checksum is wrong; it was changed, or a line before it is missing"
            raise DamagedLineError(number, position, what)
        head = _HEAD.match(data, position)
        if head is not None:
            end = head.end() + int(head[2])
            is_whole = zlib.crc32(data[head.start(2) : end], checksum) == int(head[1], 16)
            if is_whole and data[end + 1 :].strip(b"\0"):  # zeros are left by power failures
                raise DamagedLineError(number, position, "no newline follows where it ends")
        return Torn(number, position, len(data) - position)
