"""A pickle of an object with a list and a dict that grow, written once and then added to.

At each instant the file is one pickle that ``pickle.load`` reads, with nothing of ours installed.
It begins with the object as a whole. Behind it stand additions: each is a few opcodes that append
to the list, set an item of it or of the dict. What is behind the opcode that stops the unpickler
is not read, so an addition is written and synced there first, and then one byte in front of it is
changed, which the system does as a whole: that lets the unpickler go on to the next stop. A kill in
between leaves bytes that nobody reads.

Source for the opcodes: the standard library's ``pickletools``.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import cloudpickle

from hyperbridge.files.replacing import replace

_MAGIC = b"hyperbridge growing pickle 1\n"
_PROTOCOL = 5
_HEAD = struct.Struct("<QI")  # length and checksum of what follows
_STOP, _DUP, _POP = b".", b"2", b"0"
_BYTES = b"C"  # so many bytes, which are not executed
_INT, _LONG = b"K", b"\x8a"  # the next byte as a number; so many bytes as one, not executed
_REFRESH = b"coperator\nmethodcaller\n\x8c\x07refresh\x85R"
_LOADS = b"cpickle\nloads\n"
_SMALL = 2**32


class DamagedFileError(Exception):
    """A file is not what was written; the message says where."""


class GrowingPickle:
    """The file of an object that has ``refresh()``, a list and a dict that grow.

    Each addition is read with the object's ``refresh()`` behind the last one.

    Args:
        path: Where it is.

    Attributes:
        is_growing: Whether `add` can be called: the object is written, and pickles its list and
            its dicts as they are.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._gate = 0  # where the byte is that stops the unpickler
        self._end = 0
        self._opened = b""  # what the byte becomes
        self._ways: dict[int, bytes] = {}
        self._kept: list[Any] = []

    @property
    def is_growing(self) -> bool:
        """See the class."""
        return self._file is not None

    def is_intact(self) -> bool:
        """Tell whether the file is still the one that was written: not removed, not replaced."""
        if self._file is None:
            return False
        try:
            there, ours = os.stat(self._path), os.fstat(self._file.fileno())
        except OSError:
            return False
        return os.path.samestat(there, ours) and there.st_size == self._end

    def write(self, root: Any, *growing: Any) -> None:
        """Replace the file by a pickle of an object.

        Args:
            root: The object.
            growing: Its list and dicts to which `add` will add.
        """
        self.close()
        found: dict[int, tuple[int, Any]] = {}
        size = 0

        def dump(file: IO[bytes]) -> None:
            nonlocal size
            head = _comment(_MAGIC + _HEAD.pack(0, 0))
            file.write(b"\x80" + bytes([_PROTOCOL]) + head)
            counted = _Checksum(file)
            pickler = cloudpickle.Pickler(counted, protocol=_PROTOCOL)
            pickler.dump(root)
            found.update(pickler.memo.copy())
            size = file.tell()
            file.seek(0)
            head = _comment(_MAGIC + _HEAD.pack(counted.size, counted.value))
            file.write(b"\x80" + bytes([_PROTOCOL]) + head)

        replace(self._path, dump)
        if not all(id(each) in found for each in (root, *growing)):
            return
        self._ways = {id(each): _get(found[id(each)][0]) for each in growing}
        self._kept = [root, *growing]  # else another object may get the id
        self._gate, self._end, self._opened = size - 1, size, _DUP
        tail = _POP + _REFRESH + _get(found[id(root)][0]) + b"\x85R" + _POP + _STOP
        self._tail = bytes([len(tail)]) + tail
        self._file = self._path.open("r+b", buffering=0)

    def add(self, changes: Iterable[tuple[Any, Any, Any]]) -> None:
        """Add changes; all of them are in the file when this returns, or none.

        Args:
            changes: Which list or dict, where in it (None: at the end of the list), and what.

        Raises:
            OSError: They could not be written.
        """
        assert self._file is not None
        parts = []
        for where, at, value in changes:
            way = self._ways[id(where)]
            if at is None:
                parts.append(way + _nested(value) + b"a" + _POP)
            else:
                key = b"J" + struct.pack("<i", at) if isinstance(at, int) else _nested(at)
                parts.append(way + key + _nested(value) + b"s" + _POP)
        body = b"".join(parts)
        whole = body + self._tail
        head = _comment(_MAGIC[:1] + _HEAD.pack(len(body), zlib.crc32(whole)))
        start = self._end + len(_POP) + len(head)
        self._write(_POP + head + body + _INT + self._tail)
        self._gate, self._opened = start + len(body), _LONG

    def sync(self) -> None:
        """Bring the last addition to the disk: it is safe from a power failure, too."""
        if self._file is not None:
            os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Close the file; `add` cannot be called any more."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._kept = []

    def _write(self, addition: bytes) -> None:
        assert self._file is not None
        fd = self._file.fileno()
        try:
            written = 0
            while written < len(addition):
                written += os.pwrite(fd, addition[written:], self._end + written)
            os.fdatasync(fd)
        except BaseException:
            os.ftruncate(fd, self._end)
            raise
        os.pwrite(fd, self._opened, self._gate)
        self._end += len(addition)


def check(content: bytes) -> None:
    """Compare a file with its checksums; one that `GrowingPickle` did not write has none.

    What a killed process was adding is not looked at, as no unpickler reads it.

    Raises:
        DamagedFileError: It has been cut or changed.

    Examples:
        >>> import pickle
        >>> check(pickle.dumps([1, 2]))
    """
    base = 2 + len(_comment(_MAGIC)) + _HEAD.size
    if content[4 : 4 + len(_MAGIC)] != _MAGIC:
        return
    if len(content) <= base:
        raise DamagedFileError(f"it is cut at byte {len(content)}")
    size, checksum = _HEAD.unpack(content[4 + len(_MAGIC) : base - 1])
    gate, end = base + size - 1, base + size
    if len(content) < end or content[base - 1 : base] != _POP:
        raise DamagedFileError(f"it is cut, or changed before byte {end}")
    if zlib.crc32(content[base:gate] + _STOP) != checksum:
        raise DamagedFileError(f"it was changed somewhere before byte {end}")
    closed, opened = _STOP, _DUP
    while content[gate : gate + 1] == opened:
        gate, end = _check_addition(content, end)
        closed, opened = _INT, _LONG
    if content[gate : gate + 1] != closed:
        raise DamagedFileError(f"it was changed at byte {gate}")


def _check_addition(content: bytes, at: int) -> tuple[int, int]:
    """Check the addition at a byte; return where its gate is, and where it ends."""
    frame = _POP + _comment(_MAGIC[:1] + bytes(_HEAD.size))
    start = at + len(frame)
    if len(content) < start:
        raise DamagedFileError(f"it is cut at byte {len(content)}")
    size, checksum = _HEAD.unpack(content[start - 1 - _HEAD.size : start - 1])
    gate = start + size
    end = gate + 2 + (content[gate + 1] if len(content) > gate + 1 else 0)
    is_framed = content[at : at + 4] == frame[:4] and content[start - 1 : start] == _POP
    whole = content[start:gate] + content[gate + 1 : end]
    if not is_framed or len(content) < end or zlib.crc32(whole) != checksum:
        raise DamagedFileError(f"it is cut, or changed behind byte {at}")
    return gate, end


class _Checksum:
    """Hands on what is written, and adds it up."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.value = 0
        self.size = 0

    def write(self, data: Any) -> int:
        self.value = zlib.crc32(data, self.value)
        n = memoryview(data).nbytes
        self.size += n
        self._file.write(data)
        return n


def _comment(data: bytes) -> bytes:
    """Return opcodes that have no effect and hold up to 255 bytes."""
    return _BYTES + bytes([len(data)]) + data + _POP


def _get(memo: int) -> bytes:
    return b"j" + struct.pack("<I", memo)


def _nested(value: Any) -> bytes:
    """Return opcodes that put a value on the stack, whatever it uses the memo for."""
    if type(value) is str and len(value) < _SMALL // 4:
        encoded = value.encode("utf-8", "surrogatepass")
        return b"X" + struct.pack("<I", len(encoded)) + encoded
    data: bytes = cloudpickle.dumps(value, protocol=_PROTOCOL)
    length = (
        b"B" + struct.pack("<I", len(data))
        if len(data) < _SMALL
        else b"\x8e" + struct.pack("<Q", len(data))
    )
    return _LOADS + length + data + b"\x85R"
